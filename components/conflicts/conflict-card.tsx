import Link from 'next/link';
import type { ConflictsView } from '@/lib/api/conflicts-view';
import type { ChainAt, End } from '@/lib/conflicts/conflict';
import { endsText, otherwiseText } from '@/lib/conflicts/say';
import { packetWords } from '../findings/evidence';
import { rulesetLinks } from '../ruleset/ruleset-links';
import { viewHref } from '../shell/views';
import { Badge } from '../ui/badge';
import { buttonLook } from '../ui/button';
import { ChainName } from '../ui/chain-name';
import { OwnerBar, OwnerTag } from '../ui/owner-tag';
import { RuleLine } from '../ui/rule-line';
import { chainKey, FAMILY_WORDS, KIND_WORDS, type ShownConflict, tableKey } from './conflict-model';

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
      <div className="flex flex-col gap-2 border-line border-t px-3 py-2.5 md:flex-row md:items-center md:px-4">
        <dl className="grid min-w-0 flex-1 grid-cols-[7.5rem_minmax(0,1fr)] gap-x-2 gap-y-0.5 text-prose">
          <dt className="text-ink-2">witness</dt>
          <dd className="[overflow-wrap:anywhere]">
            <code className="text-code">{packetWords(witness.packet)}</code>
          </dd>
          <Ends what="as it is" ends={witness.now} />
          <Ends what={otherwiseText(conflict)} ends={witness.otherwise} />
        </dl>
        <Link
          href={viewHref('/trace', { source, node, packet })}
          className={buttonLook('plain', 'self-start md:self-center')}
        >
          Trace it
        </Link>
      </div>
    </article>
  );
}

const Ends = ({ what, ends }: { readonly what: string; readonly ends: readonly End[] }) => (
  <>
    <dt className="text-ink-2">{what}</dt>
    <dd className="[overflow-wrap:anywhere]">{endsText(ends)}</dd>
  </>
);

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
