import { ApiProblem } from '../hooks/api';
import { ProblemState } from '../ui/states';

/** A failed request in words: the server's own where it gave problem details. */
export function ErrorState({
  error,
  what,
  onRetry,
}: {
  readonly error: Error;
  /** The thing that could not be read, to begin a sentence: `The sources`. */
  readonly what: string;
  readonly onRetry?: () => void;
}) {
  return error instanceof ApiProblem ? (
    <ProblemState title={error.title} detail={error.detail} onRetry={onRetry} />
  ) : (
    <ProblemState title={`${what} could not be read`} detail={error.message} onRetry={onRetry} />
  );
}
