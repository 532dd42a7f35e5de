import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import { useMemo, useState } from 'react';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { TraceFixture } from '@/lib/explain/testing/traces';
import type { Trace } from '@/lib/sim/trace';
import { NO_QUESTION } from '../packet-form/question';
import { AnnounceProvider } from '../shell/announce';
import { KeysProvider } from '../shell/keys';
import { answerNames } from './answer-names';
import { fixtureAnswer } from './testing/answer';
import { traceOf } from './trace-model';
import { TraceResult } from './trace-result';
import type { TraceState, TraceStateChange } from './use-trace-state';

vi.mock('next/navigation', () => ({ useRouter: () => ({ push: vi.fn() }) }));

const CLOSED: TraceState = {
  question: NO_QUESTION,
  branch: null,
  leg: null,
  step: null,
  why: false,
  text: false,
  deliver: false,
  compare: false,
};

function applied(state: TraceState, { branch, leg, step, why, text }: TraceStateChange): TraceState {
  return {
    ...state,
    ...(branch === undefined ? {} : { branch }),
    ...(leg === undefined ? {} : { leg }),
    ...(step === undefined ? {} : { step }),
    ...(why === undefined ? {} : { why: why ?? false }),
    ...(text === undefined ? {} : { text: text ?? false }),
  };
}

interface HeldProps {
  readonly fixture: TraceFixture;
  readonly edit: (trace: Trace) => Trace;
  readonly heard: (state: TraceState) => void;
}

function Held({ fixture, edit, heard }: HeldProps) {
  const [state, setState] = useState(CLOSED);
  const answer = useMemo(() => fixtureAnswer(fixture), [fixture]);
  const trace = useMemo(() => edit(traceOf(answer)), [answer, edit]);
  const names = useMemo(() => answerNames(answer, undefined), [answer]);
  const set = (change: TraceStateChange) => {
    const next = applied(state, change);
    setState(next);
    heard(next);
  };
  return (
    <TraceResult
      answer={answer}
      trace={trace}
      names={names}
      connection={undefined}
      overview={undefined}
      state={state}
      set={set}
      stale={false}
    />
  );
}

const asItIs = (trace: Trace): Trace => trace;

function open(fixture: TraceFixture, edit = asItIs) {
  const heard = vi.fn<(state: TraceState) => void>();
  const client = new QueryClient();
  render(
    <QueryClientProvider client={client}>
      <AnnounceProvider>
        <KeysProvider>
          <Held fixture={fixture} edit={edit} heard={heard} />
        </KeysProvider>
      </AnnounceProvider>
    </QueryClientProvider>,
  );
  return heard;
}

const press = (key: string) => act(() => void fireEvent.keyDown(window, { key }));
const steps = () => screen.getByRole('region', { name: 'Steps' });
const current = () => within(steps()).getByRole('button', { current: 'step' });
const said = () => screen.getByRole('log').textContent;
const packet = () => within(screen.getAllByRole('complementary', { name: 'Packet' })[0] ?? document.body);

beforeEach(() => {
  // The rule in words is asked of the server; here it never answers.
  vi.stubGlobal('fetch', () => new Promise(() => undefined));
});

describe('a delivered packet', () => {
  test('says the verdict first, then opens at the first change', () => {
    open('delivered');
    expect(screen.getByRole('heading', { level: 1 }).textContent).toBe(
      'Reaches one of 3 shop/api pods. The client address is kept.',
    );
    expect(screen.getByText('delivered')).toBeDefined();
    expect(current().getAttribute('aria-label')).toBe(
      'Step 4 of 9, dnat accept, ip daddr 10.244.1.4, th dport 8080, in prerouting',
    );
    expect(packet().getByRole('heading', { name: 'Packet after step 4' })).toBeDefined();
    expect(packet().getByText('was 10.99.151.112')).toBeDefined();
  });

  test('moves by keys and says where it is', () => {
    const heard = open('delivered');
    press('s');
    expect(heard.mock.lastCall?.[0].step).toBe(5);
    expect(said()).toBe('Step 5 of 9, to forward 10.244.1.4 dev veth08394d98, in routing');
    press('b');
    press('b');
    expect(current().dataset.step).toBe('3');
    press('o');
    expect(current().dataset.step).toBe('5');
    press('n');
    expect(current().dataset.step).toBe('6');
    press('v');
    expect(current().dataset.step).toBe('9');
  });

  test('the next change after a look at the beginning', () => {
    open('delivered');
    fireEvent.click(within(steps()).getByRole('button', { name: /^Step 1 of 9/ }));
    press('c');
    expect(current().dataset.step).toBe('4');
  });

  test('arrow keys move the focus from disc to disc', () => {
    open('delivered');
    current().focus();
    act(() => void fireEvent.keyDown(current(), { key: 'ArrowDown' }));
    expect((document.activeElement as HTMLElement).dataset.step).toBe('5');
  });

  test('a branch holds everywhere: its address, its node, its packet', () => {
    const heard = open('delivered');
    press(']');
    expect(heard.mock.lastCall?.[0].branch).toBe(2);
    expect(packet().getByText('10.244.2.4')).toBeDefined();
    press('[');
    press('[');
    expect(heard.mock.lastCall?.[0].branch).toBe(3);
    expect(screen.getAllByRole('tab', { selected: true })[0]?.textContent).toContain('10.244.3.4:8080');
  });

  test('w opens why not for all, a square for itself', () => {
    open('delivered');
    expect(within(steps()).queryByText('Why not:')).toBeNull();
    press('w');
    expect(within(steps()).getAllByText('Why not:')).toHaveLength(9);
    const [first] = within(steps()).getAllByRole('button', { expanded: true });
    if (first) fireEvent.click(first);
    expect(within(steps()).getAllByText('Why not:')).toHaveLength(8);
  });

  test('way and scrubber choose the same step', () => {
    open('delivered');
    fireEvent.click(screen.getByRole('button', { name: /filter-forward.*steps 6–7/ }));
    expect(current().dataset.step).toBe('6');
    const slider = screen.getByRole('slider', { name: 'Step' });
    expect(slider.getAttribute('aria-valuenow')).toBe('6');
    act(() => void fireEvent.keyDown(slider, { key: 'End' }));
    expect(current().dataset.step).toBe('9');
  });

  test('t shows the same as text', () => {
    open('delivered');
    press('t');
    expect(steps().textContent).toContain('DELIVERED  Reaches one of 3 shop/api pods.');
    press('t');
    expect(current().dataset.step).toBe('4');
  });
});

describe('a rejected packet', () => {
  test('opens at the rule, with what goes back and what was not reached', () => {
    open('rejected');
    expect(current().dataset.step).toBe('6');
    expect(within(steps()).getByText('Sends back')).toBeDefined();
    expect(within(steps()).getByText(/^not reached/)).toBeDefined();
    expect(screen.getByText('ICMP port unreachable, from 10.244.1.1 back to the client')).toBeDefined();
    expect(packet().getByText('nft -a list chain ip kube-proxy reject-chain')).toBeDefined();
  });

  test('the packet the kernel made is a leg of its own', () => {
    const heard = open('rejected');
    fireEvent.click(screen.getByRole('tab', { name: /ICMP port unreachable/ }));
    expect(heard.mock.lastCall?.[0].leg).toBe(1);
    expect(packet().getByRole('heading', { name: 'Packet as it came' })).toBeDefined();
    expect(packet().getByText('icmp')).toBeDefined();
  });
});

test('a packet dropped by a policy opens there', () => {
  open('policy-drop');
  expect(current().getAttribute('aria-label')).toBe('Step 3 of 3, drop policy, in forward');
  expect(screen.getByText('nothing is sent back: the client waits')).toBeDefined();
});

test('an undecided packet names what would settle it', () => {
  open('undecided');
  expect(screen.getByText('undecided', { selector: 'header *' })).toBeDefined();
  expect(within(steps()).getByText('Assume that it matches, or that it does not.')).toBeDefined();
  expect(screen.getByText('to settle it: assume that it matches, or that it does not')).toBeDefined();
});

test('more than six branches are a list that can be filtered', () => {
  open('delivered', (trace) => {
    const [first] = trace.branches;
    const branches = first === undefined ? [] : Array.from({ length: 8 }, () => ({ ...first, probability: 1 / 8 }));
    return { ...trace, branches };
  });
  expect(screen.getByText('8 branches, by chance')).toBeDefined();
  expect(screen.getByRole<HTMLInputElement>('combobox', { name: 'Branch' }).value).toBe('1. 10.244.1.4:8080');
});

test('where branches differ, the lost one opens', () => {
  const lost = traceOf(fixtureAnswer('policy-drop')).branches[0];
  open('delivered', (trace) => ({
    ...trace,
    branches: trace.branches.map((branch, i) => (i === 2 && lost ? { ...lost, probability: 1 / 3 } : branch)),
  }));
  expect(current().getAttribute('aria-label')).toBe('Step 3 of 3, drop policy, in forward');
});
