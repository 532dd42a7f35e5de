import { useEffect, useState } from 'react';
import type { SourceView } from '@/lib/api/types';
import { countSeverities, severityCount } from '../findings/findings-model';
import { useKnownFindings } from '../hooks/use-findings';
import { cx } from '../ui/cx';
import { usePlace } from './use-place';

/** A page asks for its own first. */
const AFTER_MS = 1000;

/** Errors and warnings of the source that is shown, once they are known; the server looks for them once for each version. */
export function FindingsBadge({ className }: { readonly className?: string }) {
  const place = usePlace();
  return place.state === 'ready' ? <Counted source={place.source} className={className} /> : null;
}

function Counted({ source, className }: { readonly source: SourceView; readonly className: string | undefined }) {
  const [waited, setWaited] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setWaited(true), AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  const diagnosis = useKnownFindings(source, waited);
  if (diagnosis === undefined) return null;
  const { error, warning } = countSeverities(diagnosis.findings);
  if (error + warning === 0) return null;
  const say = [error > 0 ? severityCount('error', error) : '', warning > 0 ? severityCount('warning', warning) : ''];
  return (
    <span
      className={cx(
        'inline-flex min-w-5 justify-center rounded-full px-1.5 font-[640] text-[12px] leading-[18px]',
        error > 0 ? 'bg-lost-ground text-lost' : 'bg-depends-ground text-depends',
        className,
      )}
    >
      <span aria-hidden="true">{(error + warning).toLocaleString('en')}</span>
      <span className="sr-only">{say.filter((part) => part !== '').join(', ')}</span>
    </span>
  );
}
