'use client';

import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { NodeOverview, NodeSummary, SourceView } from '@/lib/api/types';
import { ApiProblem } from '../hooks/api';
import { useOverview } from '../hooks/use-trace';
import { Loading, Note, Unreadable } from '../ui/states';
import { ErrorState } from './error-state';

interface NodeGateProps {
  readonly source: SourceView;
  readonly node: NodeSummary;
  /** The view's bar while there is nothing to show: at least the choice of another node. */
  readonly bar: ReactNode;
  readonly children: (overview: NodeOverview) => ReactNode;
}

/** Opens the node and says what is in the way: a reading that failed, a listing that is not in the capture. */
export function NodeGate({ source, node, bar, children }: NodeGateProps) {
  if (node.state === 'absent') {
    return (
      <>
        {bar}
        <Note>The cluster has a node called {node.name}, the capture has not. What its ruleset is, is not known.</Note>
      </>
    );
  }
  return (
    <Present source={source} node={node} bar={bar}>
      {children}
    </Present>
  );
}

function Present({ source, node, bar, children }: NodeGateProps) {
  const overview = useOverview(source.id, node.name);
  if (overview.data !== undefined) return children(overview.data);
  return (
    <>
      {bar}
      <NotOpen source={source} node={node} overview={overview} />
    </>
  );
}

function NotOpen({
  source,
  node,
  overview,
}: {
  readonly source: SourceView;
  readonly node: NodeSummary;
  readonly overview: ReturnType<typeof useOverview>;
}) {
  const client = useQueryClient();
  if (overview.isPending && overview.fetchStatus === 'idle') {
    return (
      <Note>
        Reading {node.name} was cancelled.{' '}
        <button type="button" className="link text-ink" onClick={() => void overview.refetch()}>
          Read it
        </button>
      </Note>
    );
  }
  if (overview.isPending) {
    return (
      <Loading
        what={`Reading ${node.name}`}
        command={source.live ? 'nft -j list ruleset' : 'decoding the listing'}
        onCancel={() => void client.cancelQueries({ queryKey: ['overview', source.id, node.name] })}
      />
    );
  }
  if (overview.error instanceof ApiProblem && overview.error.status === 422) {
    return (
      <Unreadable what={node.name} why={`${overview.error.title} ${overview.error.detail ?? ''}`.trim()}>
        {source.live ? (
          <button type="button" className="link mt-1" onClick={() => void overview.refetch()}>
            Read again
          </button>
        ) : null}
      </Unreadable>
    );
  }
  if (overview.error === null) return null;
  return <ErrorState error={overview.error} what={node.name} onRetry={() => void overview.refetch()} />;
}
