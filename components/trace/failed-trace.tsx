import { ApiProblem } from '../hooks/api';
import { ErrorState } from '../shell/error-state';
import { Button } from '../ui/button';

/** A question that this capture cannot answer, such as a link made for another one, has a way on. */
export function FailedTrace({
  error,
  onRetry,
  onAnew,
  onInstead,
}: {
  readonly error: Error;
  readonly onRetry: () => void;
  readonly onAnew: () => void;
  readonly onInstead: (end: 'from' | 'to', ref: string) => void;
}) {
  const wrong = error instanceof ApiProblem && error.status === 400 ? error : undefined;
  const end = wrong?.members.path;
  const near = Array.isArray(wrong?.members.near) ? wrong.members.near.filter((one) => typeof one === 'string') : [];
  return (
    <>
      <ErrorState error={error} what="The trace" {...(wrong === undefined ? { onRetry } : {})} />
      {wrong === undefined ? null : (
        <div className="mx-4 flex flex-wrap gap-2">
          {end === 'from' || end === 'to'
            ? near.map((ref) => (
                <Button key={ref} onClick={() => onInstead(end, ref)}>
                  {end === 'from' ? 'From' : 'To'} {ref.replace(/^svc:/, 'Service ')}
                </Button>
              ))
            : null}
          <Button onClick={onAnew}>Start with this capture’s own names</Button>
        </div>
      )}
    </>
  );
}
