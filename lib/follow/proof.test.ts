import { expect, test } from 'vitest';
import { FollowProof } from './proof';
import type { Transaction } from './transaction';

const told = (kind: string) => ({ kind, body: {}, text: '{}' });
const add = (...kinds: readonly string[]): Transaction => ({
  messages: kinds.map((kind) => ({ type: 'NEW', verb: 'add' as const, told: told(kind) })),
});

test.each(['1.0.6', '1.1.3'])('nft %s was compared: nothing is to be proven', (version) => {
  const proof = new FollowProof(version);
  proof.worked(add('rule'));
  expect([proof.isDue, proof.words]).toEqual([false, undefined]);
});

test.each(['1.0.5', '1.1.30', '1.0.6-custom', undefined])('nft %s: each kind has to agree three times', (version) => {
  const proof = new FollowProof(version);
  for (const _ of [1, 2, 3]) {
    proof.worked(add('rule', 'rule'));
    expect(proof.isDue).toBe(true);
    proof.agreed();
    expect(proof.isDue).toBe(false);
  }
  proof.worked(add('rule'));
  expect(proof.isDue).toBe(false);
  expect(proof.words).toContain('Proven so far: add rule');
  // Another kind beside it has not.
  proof.worked(add('rule', 'element'));
  expect(proof.isDue).toBe(true);
  proof.agreed();
  proof.worked({ messages: [{ type: 'DELRULE', verb: 'delete', told: told('rule') }] });
  expect(proof.isDue).toBe(true);
});

test('what was let go proves nothing; a listing with nothing to prove proves nothing either', () => {
  const proof = new FollowProof('1.2.0');
  proof.worked(add('rule'));
  proof.forget();
  for (const _ of [1, 2, 3, 4]) proof.agreed();
  proof.worked(add('rule'));
  expect(proof.isDue).toBe(true);
  expect(proof.words).toContain('nft 1.2.0 was not compared with a kernel');
  expect(proof.words).toContain('nothing yet');
});
