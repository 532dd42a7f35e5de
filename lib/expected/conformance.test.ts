import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { describeShared } from '../../tests/shared';
import { expectedOfCase } from './decode-case';
import { encodeListing } from './encode-listing';
import { canonicalListing, differingPlaces } from './testing/canonical-listing';

interface Case {
  readonly name: string;
  readonly config: unknown;
  readonly services: unknown;
  readonly endpointSlices: unknown;
  readonly inputsKnown?: boolean;
  readonly emptyServiceChains?: readonly string[] | null;
  readonly rulesetJson: unknown;
}

/** What the first answer says is all that is asked with; the ruleset of the case is only compared. */
function differences(one: Case): readonly string[] {
  const { config, services, endpointSlices } = one;
  const tables = expectedOfCase({ config, services, endpointSlices });
  if (!tables.ok) return [`${tables.problem.path}: ${tables.problem.say}`];
  const ours = canonicalListing(encodeListing(tables.value));
  return differingPlaces(ours, canonicalListing(one.rulesetJson), new Set(one.emptyServiceChains ?? []));
}

function check(cases: readonly Case[]): void {
  const failed = cases.flatMap((one) => differences(one).map((text) => `${one.name}: ${text}`));
  expect(failed).toEqual([]);
}

describeShared('rulesets that kube-proxy wrote', (shared) => {
  const dir = join(shared, 'conformance', 'kube-proxy-flows');
  test.each([
    ['1.32.13', 48],
    ['1.35.6', 49],
    ['1.36.2', 49],
  ] as const)('%s: %i rulesets', (version, count) => {
    const lines = gunzipSync(readFileSync(join(dir, `kube-proxy-${version}.jsonl.gz`))).toString('utf8');
    const cases = lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Case)
      .filter(({ inputsKnown }) => inputsKnown !== false);
    expect(cases.length).toBe(count);
    check(cases);
  });

  test.each(['affinity-local-policy-dual-stack', 'loadbalancer-source-ranges'])('example: %s', (name) => {
    check([JSON.parse(readFileSync(join(dir, `example-${name}.json`), 'utf8')) as Case]);
  });
});
