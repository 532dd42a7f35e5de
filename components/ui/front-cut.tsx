import { cx } from './cx';

/** A name in one line: where it is too long its beginning goes, never its end. The whole is in the title. */
export const FrontCut = ({ text, className }: { readonly text: string; readonly className?: string }) => (
  // Text that runs to the left is cut at the left; what is in it keeps its own direction.
  <span title={text} className={cx('block min-w-0 truncate text-left [direction:rtl]', className)}>
    <bdi>{text}</bdi>
  </span>
);
