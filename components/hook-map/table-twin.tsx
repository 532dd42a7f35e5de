import {
  type HookMap,
  hookPlace,
  type KernelPlace,
  type MapCell,
  priorityName,
  sequenceOf,
} from '@/lib/graph/hook-map';
import { Badge } from '../ui/badge';
import { cx } from '../ui/cx';
import { OwnerTag } from '../ui/owner-tag';
import { chainId, type OverviewChain } from './map-chains';

interface TableTwinProps {
  readonly map: HookMap<OverviewChain>;
  readonly selected: string | null;
  readonly onSelect: (id: string) => void;
}

/** The same facts as the figure, hook by hook in the order in which a packet meets them. */
export function TableTwin({ map, selected, onSelect }: TableTwinProps) {
  return (
    <div className="shrink-0 grow overflow-auto roomy:min-h-0 roomy:flex-1 bg-surface px-3 pb-6 md:px-4">
      {map.columns.map((column) => {
        const met = sequenceOf(column);
        return (
          <section key={column.hook} aria-labelledby={`hook-${column.hook}`} className="max-w-[72rem] pt-4">
            <div className="flex flex-wrap items-baseline gap-x-3 pb-1">
              <h2 id={`hook-${column.hook}`} className="text-heading">
                {column.hook}
              </h2>
              <p className="text-ink-2 text-prose">{hookPlace(column.hook, map.family)}</p>
            </div>
            {column.cells.length === 0 ? <p className="text-ink-2">No chain.</p> : null}
            {met.length === 0 ? null : (
              // Fixed widths: the columns of all hooks stand in line.
              <table className="w-full table-fixed border-collapse text-left">
                <thead>
                  <tr className="border-line border-b text-ink-2 text-label">
                    <th scope="col" className="w-8 py-1 pr-2 text-right font-[550]">
                      run
                    </th>
                    <th scope="col" className="py-1 pr-3 font-[550]">
                      chain
                    </th>
                    <th scope="col" className="w-[104px] py-1 text-right font-[550] md:w-44 md:pr-6">
                      priority
                    </th>
                    <th scope="col" className="hidden w-20 py-1 pr-3 font-[550] md:table-cell">
                      type
                    </th>
                    <th scope="col" className="hidden w-20 py-1 pr-3 font-[550] md:table-cell">
                      policy
                    </th>
                    <th scope="col" className="hidden w-36 py-1 font-[550] md:table-cell">
                      ends packets
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {met.map((m) =>
                    m.kind === 'place' ? (
                      <PlaceRow key={m.place.kind} place={m.place} map={map} />
                    ) : (
                      <ChainRow
                        key={chainId(m.cell.chain)}
                        cell={m.cell}
                        map={map}
                        selected={chainId(m.cell.chain) === selected}
                        onSelect={onSelect}
                      />
                    ),
                  )}
                </tbody>
              </table>
            )}
          </section>
        );
      })}
    </div>
  );
}

/** Something of the kernel's own. */
function PlaceRow({ place, map }: { readonly place: KernelPlace; readonly map: HookMap<OverviewChain> }) {
  return (
    <tr className="border-line border-b text-ink-2">
      <td className="py-1.5 pr-2 text-right">–</td>
      <td className="py-1.5 pr-3">
        {place.say} <span className="md:hidden">(kernel)</span>
      </td>
      <Priority prio={place.prio} map={map} />
      <td className="hidden md:table-cell">kernel</td>
      <td className="hidden md:table-cell" />
      <td className="hidden md:table-cell" />
    </tr>
  );
}

/** `dstnat - 10` and its number; null is after every priority. */
function Priority({
  prio,
  map,
  runsAt,
}: {
  readonly prio: number | null;
  readonly map: HookMap<OverviewChain>;
  readonly runsAt?: number;
}) {
  const name = prio === null ? '' : priorityName(prio, map.family);
  return (
    <td className="py-1.5 text-right align-top font-mono text-[12px] md:whitespace-nowrap md:pr-6">
      {name === '' ? null : <span className="text-ink-2">{name} </span>}
      <span className="inline-block min-w-[5ch]">{prio ?? 'last'}</span>
      {runsAt === undefined || runsAt === prio ? null : (
        <span className="block font-sans text-[11px] text-ink-2">runs at {runsAt}</span>
      )}
    </td>
  );
}

function ChainRow({
  cell,
  map,
  selected,
  onSelect,
}: {
  readonly cell: MapCell<OverviewChain>;
  readonly map: HookMap<OverviewChain>;
  readonly selected: boolean;
  readonly onSelect: (id: string) => void;
}) {
  const { chain } = cell;
  const id = chainId(chain);
  const ends = endsWords(cell);
  const ended = ends === NEVER || ends === EMPTY ? 'text-ink-2' : 'text-lost';
  const dropped = chain.policy === 'drop' && 'font-[620] text-lost';
  return (
    <tr
      className={cx(
        'border-line border-b align-top',
        selected && 'bg-marker-row shadow-[inset_3px_0_0_var(--marker-edge)]',
      )}
    >
      <td className="py-1.5 pr-2 text-right">{cell.run}</td>
      <td className="py-1.5 pr-3">
        <button
          type="button"
          aria-pressed={selected}
          onClick={() => onSelect(id)}
          className="flex min-h-6 items-start gap-2 text-left hover:underline"
        >
          <OwnerTag owner={chain.owner.key} name={chain.owner.name} className="mt-0.5" />
          <span className="font-mono text-[12px] [overflow-wrap:anywhere]">
            <span className="text-ink-2">
              {chain.family} {chain.table}{' '}
            </span>
            <span className="font-[560]">{chain.chain}</span>
          </span>
        </button>
        <Marks cell={cell} map={map} />
        {chain.devices.length === 0 ? null : (
          <span className="block pl-7 text-ink-2 text-prose">on {chain.devices.join(', ')}</span>
        )}
        {/* No room for columns below 720 px: the same facts in a line. */}
        <span className="block pl-7 text-ink-2 text-prose md:hidden">
          {chain.type}, policy <span className={cx(dropped)}>{chain.policy}</span>, ends packets:{' '}
          <span className={ended}>{ends}</span>
        </span>
      </td>
      <Priority prio={chain.prio} map={map} {...(cell.nat ? { runsAt: cell.runsAt } : {})} />
      <td className="hidden py-1.5 pr-3 md:table-cell">{chain.type}</td>
      <td className={cx('hidden py-1.5 pr-3 md:table-cell', dropped)}>{chain.policy}</td>
      <td className={cx('hidden py-1.5 md:table-cell', ended)}>{ends}</td>
    </tr>
  );
}

const NEVER = 'no';
const EMPTY = 'no, it is empty';

function endsWords({ chain }: MapCell<OverviewChain>): string {
  if (chain.ends.length > 0) return chain.ends.join(', ');
  return chain.empty ? EMPTY : NEVER;
}

/** The ties and later drops that the figure marks, with their numbers in the notes. */
function Marks({ cell, map }: { readonly cell: MapCell<OverviewChain>; readonly map: HookMap<OverviewChain> }) {
  const drop = map.laterDrops.findIndex(({ then }) => then === cell);
  const tie = map.ties.some(({ cells }) => cells.includes(cell));
  return drop < 0 && !tie ? null : (
    <span className="flex gap-2 pl-7">
      {tie ? <Badge tone="depends">tie</Badge> : null}
      {drop < 0 ? null : <Badge tone="lost">{`later drop ${drop + 1}`}</Badge>}
    </span>
  );
}
