import { render, screen } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { NodeSummary } from '@/lib/api/types';
import { LiveNotice } from './live-notice';

const shown = vi.hoisted(() => ({ pathname: '/ruleset', nodes: [] as unknown[] }));
vi.mock('next/navigation', () => ({ usePathname: () => shown.pathname }));
vi.mock('../shell/use-place', () => ({
  usePlace: () => ({ state: 'ready', source: { live: true, nodes: shown.nodes }, node: shown.nodes[0] }),
}));

const node = (more: Partial<NodeSummary>): NodeSummary => ({
  name: 'node-2',
  state: 'ready',
  problem: null,
  capturedAt: new Date(Date.now() - 20_000).toISOString(),
  zone: null,
  ...more,
});
const LOST = { notAnew: 'the API server does not answer: connect ECONNREFUSED 127.0.0.1:6443' };
beforeEach(() => {
  shown.pathname = '/ruleset';
});

test('nothing while nodes can be read', () => {
  shown.nodes = [node({})];
  render(<LiveNotice />);
  expect(screen.queryByRole('status')).toBeNull();
});

test('the reason, and of which time the node is that is shown', () => {
  shown.nodes = [node(LOST)];
  render(<LiveNotice />);
  expect(screen.getByRole('status').textContent).toMatch(
    /^The API server does not answer: connect ECONNREFUSED 127\.0\.0\.1:6443\. All stays as it was read: node-2 as of 2\d s ago, it cannot be read now\.$/,
  );
});

test('in a view of all nodes the reason alone: each row has its time', () => {
  shown.pathname = '/fleet';
  shown.nodes = [node({}), node(LOST)];
  render(<LiveNotice />);
  expect(screen.getByRole('status').textContent).toMatch(/All stays as it was read\.$/);
});
