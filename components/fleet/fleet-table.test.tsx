import { fireEvent, render, screen } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { FleetRow } from '@/lib/api/fleet-view';
import { FleetTable } from './fleet-table';

const row = (more: Partial<FleetRow>): FleetRow => ({
  name: 'node-1',
  zone: null,
  state: 'ready',
  problem: null,
  capturedAt: null,
  reader: 'agent',
  following: { kind: 'asked', everySeconds: 30 },
  notAnew: null,
  cost: {
    tookMs: 120,
    listing: { wallMs: 5400, cpuMs: 5300, bytes: 8_000_000 },
    follow: { state: 'listing', why: 'a flowtable changed', proof: null, letGo: 0, failedProofs: 1 },
  },
  version: 'v',
  kernel: null,
  nft: null,
  kubeProxy: null,
  proxy: null,
  owners: [],
  counts: null,
  group: null,
  ...more,
});
// There is no layout here: rows without a height would not be in sight.
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(40);
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(800);
});

const shown = (rows: readonly FleetRow[]) =>
  render(<FleetTable source="s" rows={rows} drift={new Map()} findings={undefined} />);

test('a press on the reader tells what reading costs; another press takes it away', () => {
  shown([row({}), row({ name: 'node-2', cost: null })]);
  const button = screen.getByRole('button', { name: /^read by agent ?: how node-1 is read$/ });
  expect(button.getAttribute('aria-expanded')).toBe('false');
  fireEvent.click(button);
  expect(button.getAttribute('aria-expanded')).toBe('true');
  const detail = document.getElementById(button.getAttribute('aria-controls') ?? '');
  expect(detail?.textContent).toContain('5.4 s, 5.3 s of processor time, 8.0 MB');
  expect(detail?.textContent).toContain('no, every change costs a listing: a flowtable changed');
  expect(detail?.textContent).toContain('1: a new listing was not what had been followed or told');
  fireEvent.click(button);
  expect(screen.queryByText('Last listing')).toBeNull();
});

test('the row says that a node is asked now and then, and nothing where changes are told at once', () => {
  shown([row({}), row({ name: 'node-2', following: { kind: 'heard' } })]);
  expect(screen.getAllByText('asked every 30 s')).toHaveLength(1);
});

test('nobody reads a capture: there is nothing to press', () => {
  shown([row({ reader: null, following: null, cost: null })]);
  expect(screen.queryByRole('button')).toBeNull();
});

test.each([
  [
    "The node is unreadable: GET /v1/hashes of the agent (by the API server's pod proxy) failed: the answer is a page of HTML.",
    'The answer is a page of HTML.',
  ],
  [
    'The node is unreadable: nft -j list ruleset crashed (exit status 139).',
    'nft -j list ruleset crashed (exit status 139).',
  ],
  ['The listing is empty.', 'The listing is empty.'],
])('of an unreadable node the row says the cause first: %s', (say, want) => {
  const problem = { code: 'SRC-007', say, do: 'Ask again.' };
  shown([row({ state: 'unreadable', version: '', capturedAt: '2026-01-01T00:00:00Z', problem })]);
  expect(screen.getByTitle(say).textContent).toBe(want);
  expect(screen.getByText(/^tried/)).toBeTruthy();
});

test('where only the ruleset could not be read, the rest is as old as its time', () => {
  const problem = { code: 'SRC-007', say: 'nft crashed.', do: 'Ask again.' };
  shown([row({ state: 'unreadable', kernel: '6.1', capturedAt: '2026-01-01T00:00:00Z', problem })]);
  expect(screen.queryByText(/^tried/)).toBeNull();
});
