import { expect, test } from 'vitest';
import type { FleetRow } from '@/lib/api/fleet-view';
import { heardInShort, readingFacts } from './reading-words';

const row = (more: Partial<FleetRow>) =>
  ({ reader: 'agent', following: null, notAnew: null, cost: null, problem: null, ...more }) as FleetRow;
const follow = { state: 'following', why: null, proof: null, letGo: 0, failedProofs: 0 } as const;
const said = (one: FleetRow) => readingFacts(one).map(({ label, say }) => `${label}: ${say}`);

test('a node that is followed', () => {
  const listing = { wallMs: 5400, cpuMs: 5300, bytes: 8_123_456 };
  expect(said(row({ cost: { tookMs: 120, listing, follow } }))).toEqual([
    'Read by: agent',
    'Last listing: 5.4 s, 5.3 s of processor time, 8.1 MB',
    'Last reading took: 120 ms',
    'Works changes in, as of last reading: yes',
    'Proofs that failed, as of last reading: none',
  ]);
});

test('one that cannot be read now: of which time it is, and why', () => {
  const one = row({ notAnew: 'the API server does not answer: ECONNREFUSED', capturedAt: '2026-01-31T12:00:00Z' });
  expect(heardInShort({ ...one, following: { kind: 'lost', why: 'the same' } })).toBe('cannot be read now');
  expect(said(one)).toContain(
    'Reading it anew: As of 2026-01-31T12:00:00Z. It cannot be read now: the API server does not answer: ECONNREFUSED',
  );
});

test('one that is not, and why; a failed proof stands out', () => {
  const cost = {
    tookMs: 1000,
    listing: { wallMs: 44, cpuMs: null, bytes: 999 },
    follow: { state: 'listing', why: 'a flowtable changed', proof: null, letGo: 1, failedProofs: 2 },
  } as const;
  const facts = readingFacts(row({ cost }));
  expect(facts.map(({ say }) => say)).toEqual([
    'agent',
    '44 ms, 999 B',
    '1.0 s',
    'no, every change costs a listing: a flowtable changed; listed anew 1 time',
    '2: a new listing was not what had been followed or told',
  ]);
  expect(facts.filter(({ isBad }) => isBad).map(({ label }) => label)).toEqual([
    'Proofs that failed, as of last reading',
  ]);
});

test('an nft that proves itself says so, once', () => {
  const cost = { tookMs: 100, listing: null };
  const proof = 'nft 1.0.9 was not compared with a kernel';
  const followed = row({ cost: { ...cost, follow: { ...follow, proof } } });
  expect(said(followed)).toContain(`Its nft: ${proof}`);
  const listed = row({ cost: { ...cost, follow: { ...follow, state: 'listing', why: proof, proof } } });
  expect(said(listed).filter((one) => one.includes(proof))).toEqual([
    `Works changes in, as of last reading: no, every change costs a listing: ${proof}`,
  ]);
});

test('by exec nobody tells whether it is followed', () => {
  const cost = { tookMs: 800, listing: { wallMs: null, cpuMs: null, bytes: 81_234 }, follow: null };
  expect(said(row({ reader: 'exec in kube-system/kube-proxy-a', cost })).slice(1)).toEqual([
    'Last listing: time not measured, 81.2 kB',
    'Last reading took: 800 ms',
    'Works changes in, as of last reading: not known: this way of reading does not tell',
  ]);
});

test.each([
  { name: 'not read yet', problem: null, want: 'Cost: not known: it was not read yet' },
  {
    name: 'unreadable',
    problem: { code: 'SRC-012', say: 'It cannot be read.', do: 'Look.' },
    want: 'Cost: not known: it could not be read',
  },
])('$name', ({ problem, want }) =>
  expect(said(row({ problem } as Partial<FleetRow>))).toEqual(['Read by: agent', want]),
);

test.each<{ following: NonNullable<FleetRow['following']>; short: string | undefined; want: string; isBad: boolean }>([
  { following: { kind: 'heard' }, short: undefined, want: 'told at once', isBad: false },
  {
    following: { kind: 'asked', everySeconds: 30 },
    short: 'asked every 30 s',
    want: 'asked every 30 s: there are too many agents to hear all at once',
    isBad: false,
  },
  {
    following: { kind: 'not-yet' },
    short: 'not heard yet',
    want: 'its agent has not been heard yet: what is shown is as old as its time',
    isBad: false,
  },
  {
    following: { kind: 'lost', why: 'status 503' },
    short: 'not heard',
    want: 'not heard: status 503. What is shown is as old as its time',
    isBad: true,
  },
  {
    following: { kind: 'not' },
    short: 'not followed',
    want: 'not followed: what is shown is as old as its time',
    isBad: false,
  },
])('how changes are heard: $following.kind', ({ following, short, want, isBad }) => {
  const [, fact] = readingFacts(row({ following }));
  expect(fact).toMatchObject({ label: 'Changes of its ruleset', say: want });
  expect(fact?.isBad ?? false).toBe(isBad);
  expect(heardInShort({ following, notAnew: null })).toBe(short);
});

test('a capture is read by nobody', () => expect(readingFacts(row({ reader: null }))).toEqual([]));
