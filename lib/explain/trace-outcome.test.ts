import { expect, test } from 'vitest';
import { fixtureBranch, type TraceFixture } from './testing/traces';
import { announceStep, stepOutcome, stepSpan } from './trace-outcome';

const outcome = (fixture: TraceFixture, number: number) => {
  const { branch, leg } = fixtureBranch(fixture, fixture === 'delivered' ? 1 : 0);
  const entry = leg.steps[number - 1];
  if (!entry) throw new Error(`no step ${number}`);
  const summary = branch.outcome.kind === 'decided' ? branch.outcome.fate.summary : undefined;
  const { word, rest, tone } = stepOutcome(entry, summary);
  return [`${word}${rest}`, tone, announceStep(leg, number, summary)];
};

test.each<{ fixture: TraceFixture; number: number; is: string; tone: string; says: string }>([
  {
    fixture: 'delivered',
    number: 1,
    is: 'jump',
    tone: 'plain',
    says: 'Step 1 of 9, jump firewall-check, in prerouting',
  },
  {
    fixture: 'delivered',
    number: 3,
    is: 'hit, goto',
    tone: 'plain',
    says: 'Step 3 of 9, hit goto service-WEZGB4Y6-shop/api/tcp/http, in prerouting',
  },
  {
    fixture: 'delivered',
    number: 4,
    is: 'DNAT, accept',
    tone: 'write',
    says: 'Step 4 of 9, dnat accept, ip daddr 10.244.2.4, th dport 8080, in prerouting',
  },
  {
    fixture: 'delivered',
    number: 5,
    is: 'to forward',
    tone: 'plain',
    says: 'Step 5 of 9, to forward 10.244.2.0/24 via 10.240.0.12 dev eth0, in routing',
  },
  { fixture: 'delivered', number: 8, is: 'accept', tone: 'accept', says: 'Step 8 of 9, accept, in postrouting' },
  { fixture: 'rejected', number: 6, is: 'REJECT, final', tone: 'lost', says: 'Step 6 of 6, reject final, in forward' },
  { fixture: 'policy-drop', number: 3, is: 'DROP, policy', tone: 'lost', says: 'Step 3 of 3, drop policy, in forward' },
  {
    fixture: 'undecided',
    number: 2,
    is: 'write, goes on',
    tone: 'write',
    says: 'Step 2 of 3, write goes on, meta mark 0x00004000, in output',
  },
])('$fixture step $number: $is', ({ fixture, number, is, tone, says }) => {
  expect(outcome(fixture, number)).toEqual([is, tone, says]);
});

test.each([
  { numbers: [], is: undefined },
  { numbers: [1], is: 'step 1' },
  { numbers: [2, 3, 4], is: 'steps 2–4' },
])('span of $numbers', ({ numbers, is }) => expect(stepSpan(numbers)).toBe(is));
