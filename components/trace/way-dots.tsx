import { cx } from '../ui/cx';
import type { TraceModel } from './trace-model';
import { currentStop, passage } from './way-passage';

/** The narrow form: a line of dots. */
export function WayDots({ model }: { readonly model: TraceModel }) {
  const current = currentStop(model.way, model.number);
  const { stops } = model.way;
  return (
    <ol aria-label="Way of the packet" className="relative flex justify-between px-3 pt-2 pb-3">
      {stops.map((stop, i) => {
        const where = passage(stop, i, current);
        const label =
          stop.kind === 'hook'
            ? stop.hook
            : stop.kind === 'routing'
              ? 'route'
              : stop.at.kind === 'next hop'
                ? stop.at.detail
                : stop.at.kind;
        return (
          <li
            key={stop.id}
            aria-current={where === 'here' ? 'step' : undefined}
            className="relative flex min-w-0 flex-1 flex-col items-center gap-1.5"
          >
            {i === 0 ? null : (
              <span
                aria-hidden="true"
                className={cx(
                  'absolute top-[9px] right-1/2 w-full',
                  where === 'never' ? 'border-line-strong border-t-[3px] border-dotted' : 'border-t-[3px]',
                  where === 'passed' || where === 'here' ? 'border-ink' : 'border-line-strong',
                )}
              />
            )}
            <span
              aria-hidden="true"
              className={cx(
                'relative z-10 flex items-center justify-center rounded-full border-[2.5px]',
                where === 'here' ? 'size-[20px]' : 'my-[3px] size-[14px]',
                stop.kind !== 'end' && stop.ends === 'lost'
                  ? 'border-lost bg-lost'
                  : where === 'here'
                    ? 'border-ink bg-marker-hit'
                    : where === 'passed'
                      ? 'border-ink bg-ink'
                      : where === 'never'
                        ? 'border-line-strong border-dashed bg-surface'
                        : 'border-ink bg-surface',
              )}
            />
            <span
              className={cx(
                'whitespace-nowrap text-[11px] leading-[16px]',
                where === 'here' ? 'font-[640]' : 'text-ink-2',
              )}
            >
              {label}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
