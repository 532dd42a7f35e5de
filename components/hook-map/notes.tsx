import Link from 'next/link';
import type { ReactNode } from 'react';
import type { HookMap, LaterDrop, Tie } from '@/lib/graph/hook-map';
import type { NodeRef } from '../hooks/node-path';
import { viewHref } from '../shell/views';
import { STRINGS } from '../strings';
import { Badge } from '../ui/badge';
import { Button, buttonLook } from '../ui/button';
import { cx } from '../ui/cx';
import { OwnerTag } from '../ui/owner-tag';
import { Code, RuleLine } from '../ui/rule-line';
import { chainId, type OverviewChain } from './map-chains';

const minus = (n: number): string => String(n).replace('-', '−');

interface NotesProps {
  readonly map: HookMap<OverviewChain>;
  readonly selected: OverviewChain | undefined;
  readonly onClose: () => void;
  readonly place: NodeRef;
}

/** What the marks in the figure mean, and the chosen chain. */
export function Notes({ map, selected, onClose, place }: NotesProps) {
  const marks = map.laterDrops.length + map.ties.length;
  return (
    <div className="flex max-h-[45%] shrink-0 flex-col overflow-y-auto border-line border-t bg-surface md:h-[9.5rem] md:flex-row md:overflow-hidden">
      {marks === 0 ? null : (
        <section
          aria-label={STRINGS.marks}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and holds nothing else that takes the focus
          tabIndex={0}
          className="grid min-w-0 flex-[2] outline-offset-[-2px] grid-cols-[repeat(auto-fit,minmax(min(100%,20rem),1fr))] content-start gap-px md:overflow-y-auto"
        >
          {map.laterDrops.map((drop, i) => (
            <LaterDropNote key={chainId(drop.then.chain)} drop={drop} number={i + 1} />
          ))}
          {map.ties.map((tie) => (
            <TieNote key={`${tie.hook} ${tie.prio} ${tie.cells[0]?.nat}`} tie={tie} />
          ))}
          {map.ties.length === 0 ? null : (
            <p className="col-span-full px-4 py-2 text-ink-2 text-prose">
              The order at a tie is taken from the listing; a partial reload can change it unseen.
            </p>
          )}
        </section>
      )}
      {/* Below 720 px the list is long: what is chosen in it is shown as a sheet over its end. */}
      <div
        className={cx(
          'min-w-0 flex-1 border-line border-t bg-surface px-4 py-3 md:overflow-y-auto md:border-t-0 md:border-l md:first:border-0',
          selected !== undefined &&
            'max-md:fixed max-md:inset-x-0 max-md:bottom-0 max-md:z-20 max-md:max-h-[55dvh] max-md:overflow-y-auto max-md:rounded-t-[14px] max-md:border max-md:border-line-strong max-md:shadow-[0_-8px_28px_rgb(0_0_0/0.18)]',
        )}
      >
        {selected === undefined ? (
          <p className="text-ink-2">
            {marks === 0 ? 'No ties between owners, and no policy that drops behind another owner’s chain. ' : ''}
            Choose a chain to see its declaration and its first rules.
          </p>
        ) : (
          <Selected chain={selected} place={place} onClose={onClose} />
        )}
      </div>
    </div>
  );
}

const Note = ({ children }: { readonly children: ReactNode }) => (
  <section className="px-4 py-3 shadow-[0_0_0_0.5px_var(--line)]">{children}</section>
);

/** Only what the text of the ruleset proves: an accept ends its own base chain, a policy of drop is the last word. */
function LaterDropNote({ drop, number }: { readonly drop: LaterDrop<OverviewChain>; readonly number: number }) {
  const { first, then } = drop;
  const same = first.chain.prio === then.chain.prio;
  return (
    <Note>
      <h2 className="flex items-center gap-2 text-heading">
        <span className="inline-flex size-[18px] items-center justify-center rounded-full bg-lost font-[650] text-[11px] text-surface">
          {number}
        </span>
        {then.chain.owner.name} drops after {first.chain.owner.name} accepts
      </h2>
      <p className="mt-1 text-prose">
        An accept ends only its own base chain. <code className="text-code">{chainId(then.chain)}</code> comes later at{' '}
        {drop.hook} ({minus(then.chain.prio)}) and its policy is <strong className="text-lost">drop</strong>: a packet
        that none of its own rules accepts is lost.
        {same ? ' Both stand at the same priority: the one loaded last runs first.' : ''}
      </p>
    </Note>
  );
}

function TieNote({ tie }: { readonly tie: Tie<OverviewChain> }) {
  const nat = tie.cells[0]?.nat === true;
  const names = tie.cells.map((c) => c.chain.owner.name);
  const dropping = tie.cells.find((c) => c.chain.policy === 'drop');
  return (
    <Note>
      <h2 className="flex items-center gap-2 text-heading">
        <Badge tone="depends">tie</Badge>
        {tie.cells.length} {nat ? 'nat chains' : 'chains'} at exactly {minus(tie.prio)}, {tie.hook}
      </h2>
      <p className="mt-1 text-prose">
        Loaded last runs first: {names.join(', ')}. {nat ? 'The first of them to translate a connection wins. ' : ''}
        {dropping === undefined ? null : (
          <>
            The policy of <code className="text-code">{chainId(dropping.chain)}</code> is{' '}
            <strong className="text-lost">drop</strong>: in any order, a packet that none of its own rules accepts is
            lost.
          </>
        )}
      </p>
    </Note>
  );
}

function Selected({
  chain,
  place,
  onClose,
}: {
  readonly chain: OverviewChain;
  readonly place: NodeRef;
  readonly onClose: () => void;
}) {
  return (
    <section aria-label={chainId(chain)}>
      <h2 className="flex flex-wrap items-center gap-2">
        <OwnerTag owner={chain.owner.key} name={chain.owner.name} />
        <span className="font-[620] font-mono text-[12.5px] [overflow-wrap:anywhere]">{chainId(chain)}</span>
        <span className="ml-auto hidden text-ink-2 md:inline">selected</span>
        <Button look="quiet" className="ml-auto md:hidden" onClick={onClose}>
          Close
        </Button>
      </h2>
      <code className="mt-1 block text-code">
        <Code
          tokens={[
            { kind: 'keyword', text: 'type ', statement: -1 },
            { kind: 'name', text: chain.type, statement: -1 },
            { kind: 'keyword', text: ' hook ', statement: -1 },
            { kind: 'name', text: chain.hook, statement: -1 },
            ...(chain.devices.length === 0
              ? []
              : [{ kind: 'value' as const, text: ` device ${chain.devices.join(', ')}`, statement: -1 }]),
            { kind: 'keyword', text: ' priority ', statement: -1 },
            { kind: 'name', text: `${chain.prioText};`, statement: -1 },
            { kind: 'keyword', text: ' policy ', statement: -1 },
            { kind: 'verdict', text: chain.policy, statement: -1 },
            { kind: 'punctuation', text: ';', statement: -1 },
          ]}
        />
      </code>
      {chain.preview.map((rule) => (
        <RuleLine
          key={rule.at.handle}
          tokens={rule.tokens}
          handle={rule.at.handle}
          hrefOf={(ref) =>
            ref.kind === 'chain' || ref.kind === 'set'
              ? viewHref('/ruleset', {
                  ...place,
                  table: `${chain.family} ${chain.table}`,
                  ...(ref.kind === 'chain' ? { chain: ref.name } : { set: ref.name }),
                })
              : undefined
          }
        />
      ))}
      {chain.rules > chain.preview.length ? (
        <p className="text-ink-2 text-prose">and {chain.rules - chain.preview.length} more rules</p>
      ) : null}
      <p className="mt-1 text-prose">{chainSentence(chain)}</p>
      <p className="mt-2">
        <Link
          href={viewHref('/ruleset', { ...place, table: `${chain.family} ${chain.table}`, chain: chain.chain })}
          className={buttonLook()}
        >
          Open in Ruleset
        </Link>
      </p>
    </section>
  );
}

function chainSentence(chain: OverviewChain): string {
  const policy =
    chain.policy === 'drop'
      ? 'What no rule of it accepts is dropped, and no later chain can bring it back.'
      : chain.empty
        ? 'Empty: it lets every packet through.'
        : 'What no rule of it decides goes on to the next chain.';
  if (chain.type === 'nat') {
    const at = chain.hook === 'prerouting' || chain.hook === 'output' ? '−100' : '100';
    return `First packet of a connection only. All nat chains of this hook run together at ${at} until one translates. ${policy}`;
  }
  if (chain.type === 'route')
    return `A change of mark or addresses here makes the kernel choose the route again. ${policy}`;
  return policy;
}
