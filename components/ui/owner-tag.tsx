import type { OwnerKey } from '@/lib/api/types';
import { cx } from './cx';

const LOOK: { readonly [K in OwnerKey]: { readonly tag: string; readonly bar: string } } = {
  kp: { tag: 'bg-owner-kp text-owner-kp-on', bar: 'bg-owner-kp' },
  cn: { tag: 'bg-owner-cn text-owner-cn-on', bar: 'bg-owner-cn' },
  fd: { tag: 'bg-owner-fd text-owner-fd-on', bar: 'bg-owner-fd' },
  dk: { tag: 'bg-owner-dk text-owner-dk-on', bar: 'bg-owner-dk' },
  uf: { tag: 'bg-owner-uf text-owner-uf-on', bar: 'bg-owner-uf' },
  ca: { tag: 'bg-owner-ca text-owner-ca-on', bar: 'bg-owner-ca' },
  ot: {
    tag: 'bg-owner-other text-owner-other-on',
    bar: 'bg-owner-other bar-hatched',
  },
};

const LETTERS: { readonly [K in OwnerKey]: string } = {
  kp: 'KP',
  cn: 'CN',
  fd: 'FD',
  dk: 'DK',
  uf: 'UF',
  ca: 'CA',
  ot: 'OT',
};

/** Two letters on the owner's colour. The full name is its accessible name unless it stands beside. */
export function OwnerTag({
  owner,
  letters,
  name,
  className,
}: {
  readonly owner: OwnerKey;
  readonly letters?: string | undefined;
  /** Give it where the name does not stand beside the tag. */
  readonly name?: string | undefined;
  readonly className?: string;
}) {
  const look = cx(
    'owner-tag inline-flex h-4 min-w-[19px] shrink-0 items-center justify-center rounded-mark px-[3px] font-[650] text-[10px] leading-none tracking-[0.02em]',
    LOOK[owner].tag,
    className,
  );
  const shown = letters ?? LETTERS[owner];
  return name === undefined ? (
    <span aria-hidden="true" className={look}>
      {shown}
    </span>
  ) : (
    <span role="img" aria-label={name} title={name} className={look}>
      {shown}
    </span>
  );
}

/** The owner's bar at the left edge of a rule, a table or a cell. */
export function OwnerBar({ owner, className }: { readonly owner: OwnerKey; readonly className?: string }) {
  return <span aria-hidden="true" className={cx('owner-bar block w-[3px] shrink-0', LOOK[owner].bar, className)} />;
}
