import type { ServicePage } from '@/lib/api/service-types';
import type { ComparedGraph, ComparedLink, ComparedPart } from '@/lib/graph/compare-service-graphs';
import { ChainName } from '../ui/chain-name';
import { cx } from '../ui/cx';
import { columnWord, linkWords, noteOf, troubleOf, wayWords } from './graph-words';
import { PartMark } from './state-mark';

interface ListProps {
  readonly graph: ComparedGraph;
  readonly page: ServicePage;
  /** As the figure's. */
  readonly troubles: ReadonlyMap<string, string>;
  readonly selected: string | null;
  readonly onSelect: (id: string | null) => void;
  readonly touched: ReadonlySet<string>;
  readonly at: ReadonlySet<string>;
}

/** The same facts as the figure: from each base chain on, what leads where. What was told above is not told again. */
export function ChainList({ graph, ...rest }: ListProps) {
  const out = new Map<string, ComparedLink[]>();
  for (const link of graph.links) out.set(link.from, [...(out.get(link.from) ?? []), link]);
  const reached = new Set(graph.links.map(({ to }) => to));
  const roots = graph.parts.filter(({ id }) => !reached.has(id));
  const told = new Set<string>();
  const parts = new Map(graph.parts.map((part) => [part.id, part]));
  const item = (part: ComparedPart, link: ComparedLink | undefined) => {
    const again = told.has(part.id);
    told.add(part.id);
    const links = again ? [] : (out.get(part.id) ?? []);
    return (
      <Item key={part.id} part={part} link={link} again={again && out.has(part.id)} {...rest}>
        {links.length === 0 ? null : (
          <ul className="ml-2 border-line border-l pl-3 md:ml-3 md:pl-4">
            {links.flatMap((next) => {
              const target = parts.get(next.to);
              return target === undefined ? [] : [item(target, next)];
            })}
          </ul>
        )}
      </Item>
    );
  };
  return (
    <ul className="rounded-card border border-line bg-surface px-3 py-2">
      {roots.map((part) => item(part, undefined))}
    </ul>
  );
}

interface ItemProps extends Omit<ListProps, 'graph'> {
  readonly part: ComparedPart;
  readonly link: ComparedLink | undefined;
  readonly again: boolean;
  readonly children: React.ReactNode;
}

function Item({ part, link, again, page, troubles, selected, onSelect, touched, at, children }: ItemProps) {
  const words = [wayWords(part, page), noteOf(part, page.endpoints ?? []), link === undefined ? '' : linkWords(link)];
  return (
    <li data-state={part.state} className="py-0.5">
      <div
        className={cx(
          'flex flex-wrap items-baseline gap-x-2',
          (part.id === selected || at.has(part.id)) && 'bg-marker-row',
        )}
      >
        <span className="text-ink-2 text-label">{columnWord(part.role, [part])}</span>
        <button
          type="button"
          aria-pressed={part.id === selected}
          onClick={() => onSelect(part.id === selected ? null : part.id)}
          className={cx(
            'min-h-6 text-left text-[12px] hover:underline [overflow-wrap:anywhere]',
            touched.has(part.id) && 'font-[650]',
          )}
        >
          <ChainName name={part.name} tone="ink" />
        </button>
        <PartMark state={part.state} trouble={troubleOf(part, troubles)} />
        <span className="min-w-0 text-ink-2 text-prose [overflow-wrap:anywhere]">
          {words.filter((word) => word !== '').join(', ')}
          {again ? ', as above' : ''}
        </span>
      </div>
      {children}
    </li>
  );
}
