import type { FindingView } from '@/lib/api/findings-types';
import { InfoIcon, OctagonIcon, TriangleIcon } from '../ui/icons';

/** A shape for each severity, so that colour is not needed; the word is for screen readers. */
export function SeverityMark({
  severity,
  size = 16,
  silent = false,
}: {
  readonly severity: FindingView['severity'];
  readonly size?: number;
  /** The word stands beside it. */
  readonly silent?: boolean;
}) {
  return (
    <span className={SEVERITY_LOOK[severity]}>
      {severity === 'error' ? (
        <OctagonIcon size={size} />
      ) : severity === 'warning' ? (
        <TriangleIcon size={size} />
      ) : (
        <InfoIcon size={size} />
      )}
      {silent ? null : <span className="sr-only">{severity}: </span>}
    </span>
  );
}

export const SEVERITY_LOOK: { readonly [S in FindingView['severity']]: string } = {
  error: 'text-lost',
  warning: 'text-depends',
  info: 'text-ink-2',
};
