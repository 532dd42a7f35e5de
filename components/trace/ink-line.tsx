import { cx } from '../ui/cx';

/** The packet's line beside a row: heavy up to the chosen step. */
export function InkLine({ reached }: { readonly reached: boolean }) {
  return (
    <span
      aria-hidden="true"
      className={cx(
        'absolute top-0 bottom-0 left-[18px] border-l-[4px] group-first/row:-top-[5px] group-last/row:-bottom-[6px]',
        reached ? 'border-ink' : 'left-[19px] border-line-strong border-l-2',
      )}
    />
  );
}
