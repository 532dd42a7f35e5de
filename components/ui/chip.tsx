import Link from 'next/link';
import { cx } from './cx';

interface ChipProps {
  /** `svc`, `pod`, `slice`, `node`, … */
  readonly kind: string;
  readonly name: string;
  /** Where the object can be opened; without it the chip is text. */
  readonly href?: string | undefined;
  readonly className?: string | undefined;
}

/** An object of the cluster: its kind, then its name. */
export function Chip({ kind, name, href, className }: ChipProps) {
  const look = cx(
    'inline-flex h-5 max-w-full items-center gap-1.5 whitespace-nowrap rounded-chip border border-line bg-surface px-1.5 align-middle',
    className,
  );
  const inner = (
    <>
      <span className="text-[10px] font-[650] text-ink-3">{kind}</span>
      <span className="overflow-hidden text-ellipsis text-ink">{name}</span>
    </>
  );
  return href === undefined ? (
    <span className={look}>{inner}</span>
  ) : (
    <Link href={href} className={cx(look, 'hover:border-ink-3')}>
      {inner}
    </Link>
  );
}
