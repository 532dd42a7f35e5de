import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { NodeState, NodeSummary, SourceView } from '@/lib/api/types';
import { NodeGate } from './node-gate';

const SOURCE: SourceView = {
  id: 's',
  kind: 'bundle',
  name: 's',
  origin: 'configured',
  argument: 'shop.tar.gz',
  capturedAt: null,
  live: false,
  nodes: [],
};
const node = (state: NodeState): NodeSummary => ({
  name: 'node-5',
  state,
  problem: null,
  capturedAt: null,
  zone: null,
});

/** The server as one function: what it answers, or never. */
const serve = (answer: (signal: AbortSignal) => Promise<Response>) =>
  vi.stubGlobal(
    'fetch',
    vi.fn((_url: string, init: { signal: AbortSignal }) => answer(init.signal)),
  );
const problem = (status: number, title: string, detail: string) => async () =>
  new Response(JSON.stringify({ type: 'about:blank', status, title, detail, code: 'X' }), { status });

const open = (state: NodeState = 'ready') =>
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <NodeGate source={SOURCE} node={node(state)} bar={<p>bar</p>}>
        {(overview) => <p>opened {overview.node}</p>}
      </NodeGate>
    </QueryClientProvider>,
  );

describe('NodeGate', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('opens the node', async () => {
    serve(async () => new Response(JSON.stringify({ node: 'node-5' })));
    open();
    expect(await screen.findByText('opened node-5')).toBeTruthy();
  });

  test('an unreadable node is never an empty ruleset', async () => {
    serve(problem(422, 'The node is unreadable: nft crashed.', 'Nothing is known about its rules; it is not empty.'));
    open('unreadable');
    expect((await screen.findByText(/could not be read/)).textContent).toContain('node-5');
    expect(screen.getByText(/it is not empty/)).toBeTruthy();
    expect(screen.queryByText(/opened/)).toBeNull();
  });

  test('a node that was not captured is not asked for', () => {
    serve(() => Promise.reject(new Error('asked')));
    open('absent');
    expect(screen.getByText(/the capture has not/)).toBeTruthy();
    expect(fetch).not.toHaveBeenCalled();
  });

  test('a long reading can be cancelled and taken up again', async () => {
    serve(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
        }),
    );
    open();
    fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
    const again = await screen.findByRole('button', { name: 'Read it' });
    serve(async () => new Response(JSON.stringify({ node: 'node-5' })));
    fireEvent.click(again);
    expect(await screen.findByText('opened node-5')).toBeTruthy();
  });

  test('where the server is gone, that is said, with a way to try again', async () => {
    serve(() => Promise.reject(new TypeError('Failed to fetch')));
    open();
    expect(await screen.findByText('nftscope does not answer')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy();
  });
});
