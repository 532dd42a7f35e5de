import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen, within } from '@testing-library/react';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { VerifyAnswer } from '@/lib/api/types';
import type { Agreement } from '@/lib/monitor/agreement';
import { alignSequence } from '@/lib/monitor/align-sequence';
import type { KernelEvent } from '@/lib/monitor/kernel-event';
import { ourEvents } from '@/lib/monitor/our-events';
import { AgreementLine } from './agreement';
import { answerNames } from './answer-names';
import { fixtureAnswer } from './testing/answer';
import { buildModel, traceOf } from './trace-model';

const answer = fixtureAnswer('rejected');
const trace = traceOf(answer);
function modelOf() {
  const chosen = { branch: null, leg: null, step: null };
  const model = buildModel(answer, trace, answerNames(answer, undefined), undefined, chosen);
  if (model === undefined) throw new Error('no model');
  return model;
}

/** The kernel's side, as it agrees with the fixture. */
const ours = ourEvents(trace.branches[0]?.steps ?? []);
const kernel: readonly KernelEvent[] = ours.map(({ kind, family, table, chain, at, verdict, jumpTarget }) => ({
  kind,
  id: '1',
  family,
  table,
  chain,
  verdict,
  ...(at !== undefined && { handle: at.handle }),
  ...(jumpTarget !== undefined && { jumpTarget }),
}));
const replayed = (events: readonly KernelEvent[]) => ({
  kernel: '6.18',
  release: '6.18.44',
  nft: '1.0.6',
  runs: 1,
  branchesSeen: [0],
  branches: 1,
  alignment: alignSequence(events, ours, 0, { showsEnds: true }),
});

function serve(offered: boolean, agreement?: Agreement): void {
  vi.stubGlobal('fetch', async (path: string, init?: RequestInit) => {
    if (path === '/api/replay') return Response.json({ offered, problem: null });
    expect([path, init?.method]).toEqual([
      expect.stringMatching(/^\/api\/sources\/shop\/nodes\/node-1\/verify\?v=/),
      'POST',
    ]);
    expect(JSON.parse(String(init?.body))).toEqual({ packet: answer.packet });
    if (agreement === undefined)
      return Response.json({ title: 'Another replay is under way.', detail: 'Try again.' }, { status: 429 });
    const { version, node, packet } = answer;
    return Response.json({ version, node, packet, agreement } satisfies VerifyAnswer);
  });
}
afterEach(() => vi.unstubAllGlobals());

function show() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <AgreementLine model={modelOf()} />
    </QueryClientProvider>,
  );
}
const press = (name: string | RegExp) => fireEvent.click(screen.getByRole('button', { name }));

describe('replay', () => {
  test('is not offered where the server does not', async () => {
    serve(false);
    show();
    expect(await screen.findByRole('button', { name: 'Paste nft monitor trace…' })).toBeTruthy();
    expect(screen.queryByRole('button', { name: /Replay/ })).toBeNull();
  });

  test('agrees: the stamp, and every step', async () => {
    serve(true, { kind: 'agrees', ...replayed(kernel) });
    show();
    fireEvent.click(await screen.findByRole('button', { name: 'Replay in a kernel' }));
    const n = ours.length;
    expect(await screen.findByText(`agrees with kernel 6.18, ${n} of ${n} steps`)).toBeTruthy();
    press('Step by step');
    const table = await screen.findByRole('table', { name: 'Events of the kernel and steps of the trace' });
    expect(within(table).getAllByText('agrees').length).toBe(n);
  });

  test('diverges: the first row that differs is marked', async () => {
    const at = ours.findIndex(({ kind }) => kind === 'policy');
    const events = kernel.map((event, index) => (index === at ? { ...event, verdict: 'drop' } : event));
    const endings = [{ what: 'sent', kernel: 'nothing', ours: 'eth0' }] as const;
    serve(true, { kind: 'diverges', ...replayed(events), endings });
    show();
    fireEvent.click(await screen.findByRole('button', { name: 'Replay in a kernel' }));
    expect(await screen.findByText(`differs from kernel 6.18 at step ${at + 1} of ${ours.length}`)).toBeTruthy();
    press('Step by step');
    const table = await screen.findByRole('table');
    const marked = within(table)
      .getAllByRole('row')
      .filter((row) => row.getAttribute('aria-current') === 'true');
    expect(marked.map((row) => row.textContent)).toEqual([
      expect.stringContaining('verdict: kernel drop, trace accept'),
    ]);
    expect(screen.getByText('Sent: kernel nothing; trace eth0.')).toBeTruthy();
  });

  test.each([
    {
      name: 'not replayable says why',
      agreement: { kind: 'not-replayable', obstacles: [{ code: 'xt', say: 'The ruleset has xt.' }] } as const,
      say: 'The ruleset has xt.',
    },
    { name: 'a refusal says why', agreement: undefined, say: 'Another replay is under way. Try again.' },
  ])('$name', async ({ agreement, say }) => {
    serve(true, agreement);
    show();
    fireEvent.click(await screen.findByRole('button', { name: 'Replay in a kernel' }));
    expect(await screen.findByText(say)).toBeTruthy();
    expect(screen.queryByText(/agrees/)).toBeNull();
  });
});

describe('paste of nft monitor trace', () => {
  const lines = kernel
    .filter(({ kind }) => kind !== 'end')
    .map(({ family, table, chain, kind, handle, verdict, jumpTarget }) =>
      kind === 'rule'
        ? `trace id 1 ${family} ${table} ${chain} rule text-of-${handle} # handle ${handle} (verdict ${verdict}${jumpTarget === undefined ? '' : ` ${jumpTarget}`})`
        : `trace id 1 ${family} ${table} ${chain} policy ${verdict}`,
    );
  async function paste(text: string) {
    serve(false);
    show();
    press('Paste nft monitor trace…');
    fireEvent.change(await screen.findByRole('textbox', { name: 'Output of nft monitor trace' }), {
      target: { value: text },
    });
  }

  test.each([
    ['with handles', (line: string) => line],
    ['without handles', (line: string) => line.replace(/ # handle \d+/, '')],
  ])('%s, it is set beside the trace', async (_name, change) => {
    await paste(lines.map(change).join('\n'));
    expect(screen.getByText(/^Agrees: (\d+) of \1 steps\.$/)).toBeTruthy();
    expect(screen.getByRole('table', { name: 'Lines of nft monitor trace and steps of the trace' })).toBeTruthy();
  });

  test('one that is cut off says where it ends', async () => {
    await paste(lines.slice(0, -1).join('\n'));
    const said = `Ends after step ${lines.length - 1} of ${lines.length} and agrees up to there`;
    expect(screen.getByText((text) => text.startsWith(said))).toBeTruthy();
    expect(screen.queryByText(/Differs/)).toBeNull();
  });

  test('lines that make no sense are named', async () => {
    await paste('trace id\nwhat is this');
    expect(screen.getByText('No line of a trace is in it.')).toBeTruthy();
    expect(screen.getByText(/^Line 1: .*cut short/)).toBeTruthy();
    expect(screen.getByText(/^Line 2: .*no line of nft monitor trace/)).toBeTruthy();
  });
});
