'use client';

import { useEffect, useMemo, useState } from 'react';
import type { NodeSummary, SourceView, TraceAnswer } from '@/lib/api/types';
import { useStop } from '../hooks/use-path';
import { useNames, useOverview, useTrace } from '../hooks/use-trace';
import { PacketFields } from '../packet-form/packet-fields';
import { firstQuestion } from '../packet-form/places';
import { isAsked, NO_QUESTION, questionFor } from '../packet-form/question';
import { QuestionBar } from '../packet-form/question-bar';
import { EveryNode } from '../path/every-node';
import { ScopeBar } from '../path/scope-bar';
import { useScope } from '../path/use-scope';
import { WholePath } from '../path/whole-path';
import { Loading, Note, Unreadable } from '../ui/states';
import { answerNames } from './answer-names';
import { ExportMenu } from './export-menu';
import { FailedTrace } from './failed-trace';
import { traceOf } from './trace-model';
import { TraceResult } from './trace-result';
import { useTraceState } from './use-trace-state';

interface TraceViewProps {
  readonly source: SourceView;
  readonly node: NodeSummary;
}

/** What happens to a packet on this node, where exactly, and why. */
export function TraceView({ source, node }: TraceViewProps) {
  const { state, set, ask } = useTraceState();
  const { question } = state;
  const { from, to, packet, ...more } = question;
  const names = useNames(source.id, node.name);
  const overview = useOverview(source.id, node.name);
  const asked = isAsked(question);
  const query = asked ? question : undefined;
  const { scope, stop, via, choose } = useScope();
  // A packet given field by field belongs to its node.
  const connection =
    from !== null && to !== null && packet === null ? { from, to, via: via ?? node.name, more } : undefined;
  const path = source.nodes.length > 1 ? connection : undefined;
  const further = path !== undefined && scope !== 'node' && stop === null;
  const atStop = path !== undefined && scope === 'path' && stop !== null;
  const onNode = useTrace(source.id, node.name, further || atStop ? undefined : query);
  const atPath = useStop(source.id, path, atStop ? stop : null);
  const trace = atStop ? atPath : onNode;
  const [fieldsOpen, setFieldsOpen] = useState(false);

  // Nothing asked: the capture's own example, so that the first sight of a capture is an answer.
  const example = useMemo(
    () => (names.data === undefined ? undefined : firstQuestion(names.data, node.name)),
    [names.data, node.name],
  );
  const empty = from === null && to === null && packet === null;
  useEffect(() => {
    if (empty && example !== undefined) ask({ ...NO_QUESTION, ...example }, 'replace');
  }, [empty, example, ask]);
  const nameless = empty && names.data !== undefined && example === undefined;

  const fresh = trace.data?.node === node.name && trace.data.source.id === source.id ? trace.data : undefined;
  return (
    <>
      <QuestionBar
        node={node.name}
        names={names.data}
        question={question}
        answer={asked && !atStop && !further ? fresh : undefined}
        onAsk={ask}
        fieldsOpen={fieldsOpen || nameless}
        onFields={() => setFieldsOpen((open) => !open)}
      >
        {fresh === undefined || !asked || further ? null : (
          <ExportMenu answer={fresh} names={names.data} branch={state.branch} />
        )}
      </QuestionBar>
      {fieldsOpen || nameless ? (
        <PacketFields
          key={fresh?.version ?? 'none'}
          packet={fresh?.packet}
          links={overview.data?.links ?? []}
          onSubmit={(packet) => {
            setFieldsOpen(false);
            ask(questionFor(packet, fresh?.packet, question));
          }}
          onCancel={nameless ? undefined : () => setFieldsOpen(false)}
        />
      ) : null}
      {path === undefined ? null : (
        <ScopeBar
          scope={scope}
          onScope={choose}
          node={node.name}
          back={
            atStop ? { ...more, source: source.id, node: via, from: path.from, to: path.to, via, scope } : undefined
          }
        />
      )}
      {further ? (
        scope === 'path' ? (
          <WholePath source={source.id} query={path} />
        ) : (
          <EveryNode source={source.id} query={path} />
        )
      ) : null}
      {further || (fresh !== undefined && asked && node.state === 'ready' && !trace.isError) ? null : (
        <h1 className="sr-only">Trace on {node.name}</h1>
      )}
      {further ? null : node.state !== 'ready' && node.problem !== null ? (
        <Unreadable what={node.name} why={`${node.problem.say} ${node.problem.do}`} />
      ) : trace.isError ? (
        <FailedTrace
          error={trace.error}
          onRetry={() => void trace.refetch()}
          onAnew={() => ask(NO_QUESTION, 'replace')}
          onInstead={(end, ref) => ask({ ...question, [end]: ref }, 'replace')}
        />
      ) : fresh !== undefined && asked ? (
        <Answered
          answer={fresh}
          names={names.data}
          overview={overview.data}
          connection={connection}
          state={state}
          set={set}
          stale={!atStop && onNode.isPlaceholderData}
        />
      ) : asked && trace.isFetching ? (
        <Loading what={`Tracing on ${node.name}`} />
      ) : (
        <Note>
          {nameless
            ? 'This source names no Services. Give the packet field by field.'
            : 'Choose where the packet comes from and where it goes.'}
        </Note>
      )}
    </>
  );
}

type ResultProps = Parameters<typeof TraceResult>[0];
interface AnsweredProps extends Pick<ResultProps, 'overview' | 'connection' | 'state' | 'set' | 'stale'> {
  readonly answer: TraceAnswer;
  readonly names: Parameters<typeof answerNames>[1];
}

function Answered({ answer, names, ...rest }: AnsweredProps) {
  const trace = useMemo(() => traceOf(answer), [answer]);
  const named = useMemo(() => answerNames(answer, names), [answer, names]);
  return <TraceResult answer={answer} trace={trace} names={named} {...rest} />;
}
