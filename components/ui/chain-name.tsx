import { fitName } from '@/lib/explain/chain-name';
import { cx } from './cx';

/**
 * The name of a chain, set or map in mono: prefix and hash quiet, meaning strong. `max` characters drop first the hash, then
 * the prefix; the full name stays in the title and for screen readers.
 */
export function ChainName({
  name,
  max,
  tone = 'name',
  className,
}: {
  readonly name: string;
  readonly max?: number;
  readonly tone?: 'name' | 'ink' | 'inherit';
  readonly className?: string;
}) {
  const parts = fitName(name, max ?? Number.POSITIVE_INFINITY);
  const cut = parts.hash === '…';
  return (
    <span className={cx('font-mono', className)} title={cut ? name : undefined}>
      {cut ? <span className="sr-only">{name}</span> : null}
      <span aria-hidden={cut}>
        {parts.hash === '' ? null : (
          <span className={tone === 'inherit' ? undefined : 'text-ink-3'}>
            {parts.prefix}
            {parts.hash}
          </span>
        )}
        <span className={cx(tone === 'name' && 'text-name', tone === 'ink' && 'text-ink')}>{parts.meaning}</span>
      </span>
    </span>
  );
}
