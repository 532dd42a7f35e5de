import { type HookMap, type MapCell, sequenceOf } from '@/lib/graph/hook-map';
import { cx } from '../ui/cx';
import { OwnerTag } from '../ui/owner-tag';
import { cellWord, chainId, type OverviewChain } from './map-chains';

interface TableTwinProps {
  readonly map: HookMap<OverviewChain>;
  readonly selected: string | null;
  readonly onSelect: (id: string) => void;
}

/** The same facts as the figure, hook by hook in the order in which a packet meets them. */
export function TableTwin({ map, selected, onSelect }: TableTwinProps) {
  return (
    <div className="min-h-0 flex-1 overflow-auto bg-surface px-3 pb-6 md:px-4">
      {map.columns.map((column) => {
        const met = sequenceOf(column);
        return (
          <section key={column.hook} aria-labelledby={`hook-${column.hook}`} className="max-w-[64rem] pt-4">
            <h2 id={`hook-${column.hook}`} className="pb-1 text-heading">
              {column.hook}
            </h2>
            {column.cells.length === 0 ? (
              <p className="text-ink-2">
                No chain
                {column.places.length === 0
                  ? '.'
                  : `; the kernel’s own: ${column.places.map((p) => p.say).join(', ')}.`}
              </p>
            ) : (
              <table className="w-full border-collapse text-left md:table-fixed">
                <thead>
                  <tr className="border-line border-b text-ink-2 text-label">
                    <th scope="col" className="w-8 py-1 pr-2 text-right font-[550]">
                      run
                    </th>
                    <th scope="col" className="py-1 pr-3 font-[550]">
                      chain
                    </th>
                    <th scope="col" className="py-1 pr-3 text-right font-[550] md:w-28">
                      priority
                    </th>
                    <th scope="col" className="hidden py-1 pr-3 font-[550] md:table-cell md:w-20">
                      type
                    </th>
                    <th scope="col" className="py-1 pr-3 font-[550] md:w-20">
                      policy
                    </th>
                    <th scope="col" className="hidden py-1 font-[550] md:table-cell md:w-36">
                      ends packets
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {met.map((m) =>
                    m.kind === 'place' ? (
                      <tr key={m.place.kind} className="border-line border-b text-ink-2">
                        <td className="py-1.5 pr-2 text-right">–</td>
                        <td className="py-1.5 pr-3">{m.place.say}</td>
                        <td className="py-1.5 pr-3 text-right font-mono text-[12px]">{m.place.prio ?? 'last'}</td>
                        <td className="hidden md:table-cell">kernel</td>
                        <td />
                        <td className="hidden md:table-cell" />
                      </tr>
                    ) : (
                      <ChainRow
                        key={chainId(m.cell.chain)}
                        cell={m.cell}
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

function ChainRow({
  cell,
  selected,
  onSelect,
}: {
  readonly cell: MapCell<OverviewChain>;
  readonly selected: boolean;
  readonly onSelect: (id: string) => void;
}) {
  const { chain } = cell;
  const id = chainId(chain);
  const word = cellWord(cell);
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
          className="flex items-start gap-2 text-left hover:underline"
        >
          <OwnerTag owner={chain.owner.key} name={chain.owner.name} className="mt-0.5" />
          <span className="font-mono text-[12px] [overflow-wrap:anywhere]">
            <span className="text-ink-2">
              {chain.family} {chain.table}{' '}
            </span>
            <span className="font-[560]">{chain.chain}</span>
          </span>
        </button>
        {chain.devices.length === 0 ? null : (
          <span className="block pl-7 text-ink-2 text-prose">on {chain.devices.join(', ')}</span>
        )}
      </td>
      <td className="whitespace-nowrap py-1.5 pr-3 text-right font-mono text-[12px]">
        {chain.prio}
        {cell.nat && cell.runsAt !== chain.prio ? (
          <span className="block font-sans text-[11px] text-ink-2">runs at {cell.runsAt}</span>
        ) : null}
      </td>
      <td className="hidden py-1.5 pr-3 md:table-cell">{chain.type}</td>
      <td className={cx('py-1.5 pr-3', chain.policy === 'drop' && 'font-[620] text-lost')}>{chain.policy}</td>
      <td className={cx('hidden py-1.5 md:table-cell', word === 'empty' ? 'text-ink-2' : 'text-lost')}>
        {word === 'empty' ? 'no, it is empty' : chain.ends.join(', ')}
      </td>
    </tr>
  );
}
