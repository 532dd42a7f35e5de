import Link from 'next/link';
import type { ConflictsView } from '@/lib/api/conflicts-view';
import { viewHref } from '../shell/views';
import { STRINGS } from '../strings';
import { Badge } from '../ui/badge';
import { ChainName } from '../ui/chain-name';
import { cx } from '../ui/cx';
import { OwnerTag } from '../ui/owner-tag';
import { minus } from './conflict-card';
import { chainKey, doesWords, lastWord, meetingWords, tableKey } from './conflict-model';

interface MeetingProps {
  readonly source: string;
  readonly node: string;
  readonly owners: ConflictsView['owners'];
  readonly meeting: ConflictsView['meetings'][number];
}

/** The chains of a hook in the order in which they run: ties, and who has the last word. */
export function MeetingTable({ source, node, owners, meeting }: MeetingProps) {
  const { hook, chains } = meeting;
  const last = lastWord(chains);
  const packets = meetingWords(meeting);
  return (
    <div className="overflow-hidden rounded-card border border-line bg-surface">
      <table className="w-full">
        <caption className="sr-only">{STRINGS.meeting(hook, packets)}</caption>
        <thead>
          <tr className="text-left text-ink-2 text-label">
            <th scope="col" className="w-20 px-3 py-1.5 text-right font-[550]">
              {packets}
              <span className="sr-only">, priority</span>
            </th>
            <th scope="col" className="px-2 py-1.5 font-[550]">
              in the order in which they run
            </th>
            <th scope="col" className="w-16 px-2 py-1.5 font-[550] max-md:hidden">
              type
            </th>
            <th scope="col" className="w-56 px-2 py-1.5 font-[550] max-md:hidden">
              does to others’ packets
            </th>
          </tr>
        </thead>
        <tbody>
          {chains.map((at) => (
            <tr key={chainKey(at)} className="border-line border-t align-baseline">
              <td className="px-3 py-1.5 text-right font-mono text-[12px]">
                <span className={cx(at.tie && 'font-[650] text-depends')}>{minus(at.prio)}</span>
              </td>
              <td className="min-w-0 px-2 py-1.5">
                <span className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
                  <OwnerTag owner={owners[tableKey(at)] ?? 'ot'} name={at.owner} />
                  <Link
                    className="font-mono text-[12px] [overflow-wrap:anywhere] hover:underline"
                    href={viewHref('/ruleset', { source, node, table: `${at.family} ${at.table}`, chain: at.chain })}
                  >
                    {at.family} {at.table} <ChainName name={at.chain} tone="name" />
                  </Link>
                  {at.tie ? <Badge tone="depends">tie</Badge> : null}
                  {at === last ? <Badge>last word</Badge> : null}
                </span>
                <span className="text-[12px] text-ink-2 md:hidden">
                  {at.type}, {doesWords(at.does)}
                </span>
              </td>
              <td className="px-2 py-1.5 max-md:hidden">{at.type}</td>
              <td className="px-2 py-1.5 max-md:hidden">{doesWords(at.does)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
