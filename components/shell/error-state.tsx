'use client';

import { useQueryClient } from '@tanstack/react-query';
import { ApiProblem } from '../hooks/api';
import { ProblemState } from '../ui/states';

/** A failed request in words: the server's own where it gave problem details, and the way on that makes sense. */
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
  const client = useQueryClient();
  if (!(error instanceof ApiProblem)) {
    return <ProblemState title={`${what} could not be read`} detail={error.message} onRetry={onRetry} />;
  }
  // The node was read again since: what is shown belongs to the older reading.
  if (error.status === 409) {
    return (
      <ProblemState
        title={error.title}
        code={error.code}
        detail={error.detail}
        retryWords="Show the newer reading"
        onRetry={() => void client.invalidateQueries({ queryKey: ['overview'] })}
      />
    );
  }
  // Asking the same again gets the same answer where the question was wrong.
  const again = error.status >= 400 && error.status < 500 ? undefined : onRetry;
  return <ProblemState title={error.title} code={error.code} detail={error.detail} onRetry={again} />;
}
