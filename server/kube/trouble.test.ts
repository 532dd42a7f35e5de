import { expect, test } from 'vitest';
import { describeFailure } from '@/lib/world/capture-files';
import { kubeProblems } from './kube-problems';
import { describeTrouble } from './trouble';

test('what others say in a sentence has one full stop in ours', () => {
  const said = 'The server is shutting down.';
  const why = describeTrouble({ kind: 'status', status: 503, said });
  expect(why).toBe('the API server answers 503: The server is shutting down');
  expect(kubeProblems.unreachable('https://api', said).say).toBe(
    'The API server https://api does not answer: The server is shutting down.',
  );
  expect(describeFailure({ command: 'nft', exitStatus: 1, stderr: 'Operation not permitted.\n' })).toBe(
    'nft failed (exit status 1): Operation not permitted',
  );
});
