import Link from 'next/link';
import type { ConflictsView } from '@/lib/api/conflicts-view';
import type { ChainAt, End } from '@/lib/conflicts/conflict';
import { otherwiseText } from '@/lib/conflicts/say';
import { packetWords } from '../findings/evidence';
import { rulesetLinks } from '../ruleset/ruleset-links';
import { viewHref } from '../shell/views';
import { Badge } from '../ui/badge';
import { buttonLook } from '../ui/button';
import { ChainName } from '../ui/chain-name';
import { cx } from '../ui/cx';
import { CheckIcon, OctagonIcon } from '../ui/icons';
import { OwnerBar, OwnerTag } from '../ui/owner-tag';
import { RuleLine } from '../ui/rule-line';
import { chainKey, endLines, FAMILY_WORDS, KIND_WORDS, ordersOf, type ShownConflict, tableKey } from './conflict-model';

export const minus = (n: number): string => String(n).replace('-', '−');

interface CardProps {
  readonly source: string;
  readonly node: string;
  readonly owners: ConflictsView['owners'];
  readonly conflict: ShownConflict;
}

/** Two chains, what they do to each other in words, and the packet that proves it. */
export function ConflictCard({ source, node, owners, conflict }: CardProps) {
  const { kind, first, second, tie, bits, witness, rules, say, families } = conflict;
  const packet = JSON.stringify(witness.packet);
  const orders = ordersOf(conflict);
  const links = rulesetLinks({ source, node }, '');
  return (
    <article
      aria-label={`${KIND_WORDS[kind]}: ${chainKey(first)} and ${chainKey(second)}`}
      className="rounded-card border border-line bg-surface"
    >
      <div className="px-3 py-2.5 md:px-4">
        <h3 className="flex flex-wrap items-center gap-2 font-[640]">
          {KIND_WORDS[kind].charAt(0).toUpperCase() + KIND_WORDS[kind].slice(1)}
          {tie ? <Badge tone="depends">tie at {minus(first.prio)}</Badge> : null}
          {bits === undefined ? null : (
            <Badge mono>
              {bits.of} 0x{bits.mask.toString(16)}
            </Badge>
          )}
          {families.map((family) => (
            <Badge key={family}>{FAMILY_WORDS[family]}</Badge>
          ))}
        </h3>
        <p className="mt-1 max-w-[90ch] text-prose [overflow-wrap:anywhere]">{say}</p>
        <ol className="mt-2 grid gap-2 md:grid-cols-2">
          <ChainBox source={source} node={node} owners={owners} at={first} place="runs first" />
          <ChainBox source={source} node={node} owners={owners} at={second} place="runs after it" />
        </ol>
        {rules.length === 0 ? null : (
          <ul aria-label="Rules that decided" className="mt-2.5 flex flex-col gap-1.5">
            {rules.map((rule) => (
              <li key={`${chainKey(rule)} ${rule.index}`} className="min-w-0">
                <Link
                  className="link font-mono text-[11.5px] text-ink-2 [overflow-wrap:anywhere]"
                  href={links.rule(rule)}
                >
                  {rule.family} {rule.table} <ChainName name={rule.chain} tone="inherit" /> #{rule.handle}
                </Link>
                <RuleLine
                  tokens={rule.tokens}
                  owner={owners[tableKey(rule)]}
                  hrefOf={links.ref(`${rule.family} ${rule.table}`)}
                />
              </li>
            ))}
          </ul>
        )}
      </div>
      <div className="flex flex-col gap-2 border-line border-t px-3 py-2.5 md:px-4">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5 text-prose">
          <span className="text-ink-2">witness</span>
          <code className="min-w-0 text-code [overflow-wrap:anywhere]">{packetWords(witness.packet)}</code>
          <Link href={viewHref('/trace', { source, node, packet })} className={buttonLook('plain', 'md:ml-auto')}>
            Trace it
          </Link>
        </div>
        <dl className="grid gap-x-6 gap-y-2 md:grid-cols-2">
          <Ends what="as it is" order={orders.now} ends={witness.now} />
          <Ends what={otherwiseText(conflict)} order={orders.otherwise} ends={witness.otherwise} />
        </dl>
      </div>
    </article>
  );
}

interface EndsProps {
  readonly what: string;
  readonly order: string;
  readonly ends: readonly End[];
}

/** What becomes of the witness in one order, each end in a line of its own. */
const Ends = ({ what, order, ends }: EndsProps) => (
  <div className="min-w-0">
    <dt>
      <span className="font-[600]">{what}</span>{' '}
      <span className="text-[12px] text-ink-2 [overflow-wrap:anywhere]">{order}</span>
    </dt>
    <dd>
      <ul className="mt-0.5 flex flex-col gap-0.5 text-prose">
        {endLines(ends).map(({ share, arrives, say }) => (
          <li key={`${share} ${say}`} className="flex min-w-0 items-baseline gap-2">
            <span className={cx('inline-flex shrink-0 items-center gap-1 self-center', LOOK[`${arrives}`])}>
              {arrives ? <CheckIcon size={12} /> : <OctagonIcon size={12} />}
              {share}
            </span>
            <span className="min-w-0 [overflow-wrap:anywhere]">{say}</span>
          </li>
        ))}
      </ul>
    </dd>
  </div>
);

const LOOK = { true: 'text-delivered', false: 'text-lost' } as const;

interface BoxProps extends Pick<CardProps, 'source' | 'node' | 'owners'> {
  readonly at: ChainAt;
  readonly place: string;
}

function ChainBox({ source, node, owners, at, place }: BoxProps) {
  const owner = owners[tableKey(at)] ?? 'ot';
  return (
    <li className="flex min-w-0 overflow-hidden rounded-control border border-line">
      <OwnerBar owner={owner} />
      <div className="min-w-0 px-2.5 py-1.5">
        <p className="flex flex-wrap items-center gap-x-2">
          <OwnerTag owner={owner} />
          <span className="font-[600]">{at.owner.startsWith('table ') ? 'not recognised' : at.owner}</span>
          <span className="text-ink-2">{place}</span>
        </p>
        <Link
          className="link font-mono text-[12px] [overflow-wrap:anywhere]"
          href={viewHref('/ruleset', { source, node, table: `${at.family} ${at.table}`, chain: at.chain })}
        >
          {at.family} {at.table} <ChainName name={at.chain} tone="inherit" />
        </Link>
        <p className="text-[12px] text-ink-2">
          type {at.type}, {at.hook} {minus(at.prio)}
        </p>
      </div>
    </li>
  );
}
