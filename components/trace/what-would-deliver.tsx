'use client';

import Link from 'next/link';
import { changeText, triedText } from '@/lib/api/deliver-text';
import type { TraceAnswer } from '@/lib/api/types';
import type { ChangeView, DeliveringChange } from '@/lib/api/what-would-deliver';
import { traceVerdict } from '@/lib/explain/verdict-sentence';
import { ApiProblem } from '../hooks/api';
import { useWhatWouldDeliver } from '../hooks/use-what-would-deliver';
import { serviceHref } from '../service/service-href';
import { CopyButton } from '../shell/copy';
import { viewHref } from '../shell/views';
import { Button } from '../ui/button';
import { Loading, Note, ProblemState } from '../ui/states';
import { ruleHref } from './links';
import { Overlay } from './overlay';
import type { TraceModel } from './trace-model';

interface WhatWouldDeliverProps {
  readonly model: TraceModel;
  readonly open: boolean;
  readonly onOpen: (open: boolean) => void;
}

/** It left for an address that no host has: undecided for a trace of one node, and still nothing that delivers it. */
const isStray = ({ branches }: TraceModel['trace']): boolean =>
  branches.some(
    ({ outcome }) => outcome.kind === 'undecided' && outcome.reasons.some(({ code }) => code === 'untranslated'),
  );

/** For a packet that does not arrive: what could be different so that it does, behind a press. */
export function WhatWouldDeliver({ model, open, onOpen }: WhatWouldDeliverProps) {
  const verdict = traceVerdict(model.trace);
  if (verdict === 'delivered' || (verdict === 'undecided' && !isStray(model.trace))) return null;
  return (
    <Overlay
      title="What would deliver it"
      description="Single changes of what stands on the packet's way, each traced anew, the smallest first. To consider: nothing is applied."
      trigger={<Button look="quiet" className="-ml-2 md:ml-0" />}
      label="What would deliver it"
      open={open}
      onOpen={onOpen}
    >
      <Changes answer={model.answer} />
    </Overlay>
  );
}

function Changes({ answer }: { readonly answer: TraceAnswer }) {
  const { data, error, refetch } = useWhatWouldDeliver(answer);
  if (error !== null) {
    const { title, detail } = error instanceof ApiProblem ? error : { title: error.message, detail: undefined };
    return <ProblemState className="mx-0" title={title} detail={detail} onRetry={() => void refetch()} />;
  }
  if (data === undefined) return <Loading className="mx-0" what="Trying single changes" />;
  return (
    <>
      {data.found.length === 0 ? (
        <Note className="mx-0">None of the single changes that were tried delivers it.</Note>
      ) : (
        <ol className="divide-y divide-line">
          {data.found.map((one) => (
            <li key={`${one.say} ${changeText(one) ?? ''}`} className="py-3">
              <Change one={one} answer={answer} />
            </li>
          ))}
        </ol>
      )}
      <p className="border-line border-t pt-3 text-ink-2 text-prose">{triedText(data)}.</p>
    </>
  );
}

function Change({ one, answer }: { readonly one: DeliveringChange; readonly answer: TraceAnswer }) {
  const { say, owner, change, touches, result, command } = one;
  const text = changeText(one);
  const href = hrefOf(answer, change);
  return (
    <>
      <h3 className="font-[640]">
        {href === undefined ? (
          say
        ) : (
          <Link className="link text-ink" href={href}>
            {say}
          </Link>
        )}
        {owner === null ? null : <span className="ml-2 font-normal text-ink-2">{owner}</span>}
      </h3>
      {text === undefined ? null : <p className="mt-1 font-mono text-code [overflow-wrap:anywhere]">{text}</p>}
      <p className="mt-1 text-prose">
        {result} <span className="text-ink-2">{TOUCHES[touches]}</span>
      </p>
      {command === null ? null : (
        <div className="mt-2 flex items-start gap-2 rounded-control bg-sunken px-2 py-1">
          <code className="min-w-0 flex-1 self-center text-code [overflow-wrap:anywhere]">{command}</code>
          <CopyButton what="command" text={() => command} />
        </div>
      )}
    </>
  );
}

const TOUCHES: { readonly [T in DeliveringChange['touches']]: string } = {
  connection: 'Touches this connection only.',
  key: 'Touches packets with this key.',
  rule: 'Touches every packet that this rule takes.',
  service: 'Touches every client of this Service, on every node.',
  chain: 'Touches every packet of this chain.',
  node: 'Touches the whole node.',
};

function hrefOf(answer: TraceAnswer, change: ChangeView): string | undefined {
  switch (change.kind) {
    case 'rule-dropped':
      return ruleHref(answer, change.at);
    case 'element-removed':
    case 'element-added': {
      const { family, table, set } = change.set;
      return viewHref('/ruleset', { source: answer.source.id, node: answer.node, table: `${family} ${table}`, set });
    }
    case 'policy-accept':
    case 'priority':
      return ruleHref(answer, change.chain);
    case 'service':
      return serviceHref({ kind: 'service', ...change.service }, { source: answer.source.id, node: answer.node });
    case 'sysctl':
    case 'conntrack-gone':
      return undefined;
  }
}
