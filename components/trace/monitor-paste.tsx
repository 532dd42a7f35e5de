'use client';

import { useId, useMemo, useState } from 'react';
import { count } from '@/lib/explain/words';
import { endsAfter, stepNumber } from '@/lib/monitor/agreement';
import { alignPasted, type PastedAlignment } from '@/lib/monitor/align-pasted';
import { type MonitorOutput, parseMonitor } from '@/lib/monitor/parse-monitor';
import { RuleTexts } from '@/lib/monitor/rule-text';
import { Button } from '../ui/button';
import { AlignmentTable } from './alignment-table';
import { Overlay } from './overlay';
import type { TraceModel } from './trace-model';

/** A place for the output of `nft monitor trace`, set beside the trace as it is typed or pasted. */
export function MonitorPaste({ model }: { readonly model: TraceModel }) {
  return (
    <Overlay
      title="nft monitor trace beside the trace"
      description={
        <>
          The output of <code className="font-mono">nft -a monitor trace</code>, of a packet like the one asked about;
          without handles it works too.
        </>
      }
      trigger={<Button look="quiet" />}
      label="Paste nft monitor trace…"
    >
      <Paste model={model} />
    </Overlay>
  );
}

function Paste({ model }: { readonly model: TraceModel }) {
  const [text, setText] = useState('');
  const id = useId();
  const output = useMemo(() => parseMonitor(text), [text]);
  const result = useMemo(() => alignPasted(output.events, model.trace, optionsOf(model)), [output, model]);
  return (
    <>
      <label htmlFor={id} className="block pt-3 pb-1 text-ink-2 text-label">
        Output of nft monitor trace
      </label>
      <textarea
        id={id}
        value={text}
        onChange={(event) => setText(event.target.value)}
        spellCheck={false}
        rows={text === '' ? 10 : 5}
        className="w-full resize-y rounded-control border border-line-strong bg-bg px-2.5 py-1.5 text-code"
        placeholder="trace id 8ce09ac4 ip kube-proxy services rule … (verdict goto …)"
      />
      {text.trim() === '' ? null : <Result output={output} result={result} />}
    </>
  );
}

function Result({ output, result }: { readonly output: MonitorOutput; readonly result: PastedAlignment }) {
  const { alignment } = result;
  return (
    <>
      <p role="status" className="mt-3 text-prose">
        <strong className="font-[640]">{headline(output, result)}</strong> {remarks(result).join(' ')}
      </p>
      {output.problems.length === 0 ? null : (
        <ul className="mt-1 text-prose">
          {output.problems.slice(0, 5).map(({ line, say }) => (
            <li key={line}>
              Line {line}: {say}
            </li>
          ))}
          {output.problems.length > 5 ? <li>and {count(output.problems.length - 5, 'line')} more.</li> : null}
        </ul>
      )}
      {alignment === null ? null : (
        <div className="mt-2">
          <AlignmentTable alignment={alignment} caption="Lines of nft monitor trace and steps of the trace" />
        </div>
      )}
    </>
  );
}

function headline({ events }: MonitorOutput, { alignment }: PastedAlignment): string {
  if (events.length === 0) return 'No line of a trace is in it.';
  if (alignment === null) return 'Nothing in it is about tables of this capture.';
  if (alignment.divergence === null) return `Agrees: ${alignment.agreed} of ${alignment.compared} steps.`;
  const ends = endsAfter(alignment);
  return ends === undefined
    ? `Differs at step ${stepNumber(alignment)} of ${alignment.compared}.`
    : `Ends after step ${ends} of ${alignment.compared} and agrees up to there: it was cut off, or the kernel saw no more of the packet.`;
}

function remarks({ alignment, otherPacket, otherPackets }: PastedAlignment): readonly string[] {
  if (alignment === null) return [];
  const byPlace = alignment.rows.filter(({ by }) => by === 'place').length;
  return [
    ...(otherPacket.length > 0 ? [`It is of another packet: ${otherPacket.join('; ')}.`] : []),
    ...(otherPackets > 0
      ? [`${count(otherPackets, 'other packet')} in it ${otherPackets === 1 ? 'is' : 'are'} left out.`]
      : []),
    ...(byPlace > 0
      ? [
          `${count(byPlace, 'rule')} could not be recognised by text, only by chain and verdict: paste the output of nft -a.`,
        ]
      : []),
  ];
}

/** What tells rules and tables of the capture from others. */
function optionsOf({ answer, owners }: TraceModel) {
  const texts = Object.values(answer.rules).map(({ at, tokens }) => ({
    ...at,
    text: tokens.map((token) => token.text).join(''),
  }));
  return { texts: new RuleTexts(texts), ...(owners.size > 0 && { tables: new Set(owners.keys()) }) };
}
