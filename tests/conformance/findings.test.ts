/** Captures with one thing broken each: what must be found, and what would be a false alarm (captures/faults/README.md). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { decodeAsked } from '@/lib/findings/asked';
import { Context } from '@/lib/findings/context';
import { diagnose } from '@/lib/findings/diagnose';
import type { Finding } from '@/lib/findings/finding';
import { openDiagnosis } from '@/server/findings/open-diagnosis';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS } from '@/server/sources/source';
import { describeShared } from '../shared';

interface Expected {
  readonly code: string;
  readonly severity: string;
  readonly services: readonly string[];
  readonly nodes: readonly string[];
}

interface Fault {
  readonly required: readonly string[];
  readonly codes: readonly string[];
  readonly severity: string | null;
  readonly nodes: readonly string[];
  readonly services: readonly string[];
  readonly faults?: readonly Omit<Expected, 'severity'>[];
  readonly mustNotReport: readonly string[];
  readonly ask?: { readonly [key: string]: unknown };
}

const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

async function findingsOf(path: string, ask?: Fault['ask']): Promise<readonly Finding[]> {
  const source = await openPath(path, DEFAULT_LIMITS);
  if (!source.ok) throw new Error(source.problem.say);
  const input = await openDiagnosis(source.value, new AbortController().signal);
  if (!input.ok) throw new Error(input.problem.say);
  return diagnose(new Context(input.value, ask && ((network) => decodeAsked(ask, network))));
}

/** One line for each Service and node of a finding: joined and single findings are the same then. */
const atoms = (one: Expected): readonly string[] =>
  (one.services.length === 0 ? [''] : one.services).flatMap((service) =>
    (one.nodes.length === 0 ? [''] : one.nodes).map((node) => `${one.severity} ${one.code} ${service} ${node}`.trim()),
  );

const linesOf = (findings: readonly Expected[]): readonly string[] => [...new Set(findings.flatMap(atoms))].sort();

const HEALTHY = [
  'shop-3node',
  'shop-kube-proxy-1.33',
  'shop-kube-proxy-1.34',
  'shop-kube-proxy-1.35',
  'shop-iptables-node',
];

describeShared('what a diagnosis says of captures in good health', (shared) => {
  test.each(HEALTHY)('%s', async (name) => {
    const path = join(shared, 'captures', name);
    const expected = json(join(path, 'expected-findings.json')) as {
      readonly findings: readonly Expected[];
      readonly tolerated: readonly Expected[];
    };
    const isTolerated = (one: Finding) =>
      expected.tolerated.some(
        ({ code, severity, services, nodes }) =>
          code === one.code &&
          severity === one.severity &&
          (services.length === 0 || one.services.every((service) => services.includes(service))) &&
          (nodes.length === 0 || one.nodes.every((node) => nodes.includes(node))),
      );
    const findings = (await findingsOf(path)).filter((one) => !isTolerated(one));
    expect(linesOf(findings)).toEqual(linesOf(expected.findings));
  });
});

describeShared('what a diagnosis says of one fault', (shared) => {
  const folder = join(shared, 'captures', 'faults');
  const names = readdirSync(folder).flatMap((file) =>
    file.endsWith('.fault.json') ? [file.replace('.fault.json', '')] : [],
  );
  const base = json(join(shared, 'captures', 'shop-3node', 'expected-findings.json')) as {
    readonly findings: readonly Expected[];
  };
  const standing = new Set(linesOf(base.findings));
  let right = 0;

  test.each(names)('%s', async (name) => {
    const fault = json(join(folder, `${name}.fault.json`)) as Fault;
    const findings = await findingsOf(join(folder, `${name}.tar.gz`), fault.ask);
    const fresh = findings.filter((one) => !atoms(one).every((line) => standing.has(line)));
    const wrong: string[] = [];
    const wanted = fault.faults ?? fault.required.map((code) => ({ ...fault, code }));
    for (const { code, nodes, services } of wanted) {
      const found = fresh.filter((one) => one.code === code);
      const named = (wanted: readonly string[], of: (one: Finding) => readonly string[]) =>
        wanted.every((name) => found.some((one) => of(one).includes(name) || of(one).length === 0));
      if (found.length === 0) wrong.push(`missed: ${code}`);
      else if (!named(nodes, (one) => one.nodes) || !named(services, (one) => one.services))
        wrong.push(`elsewhere: ${linesOf(found).join('; ')}`);
    }
    for (const one of fresh) {
      const isBad = one.severity !== 'info' && !fault.codes.includes(one.code);
      const isForbidden =
        fault.mustNotReport.includes(one.code) && meets(one.nodes, fault.nodes) && meets(one.services, fault.services);
      if (isBad || isForbidden) wrong.push(`false alarm: ${atoms(one).join('; ')}`);
    }
    if (wrong.length === 0) right++;
    expect(wrong).toEqual([]);
  });

  afterAll(() => {
    process.stderr.write(`findings: ${right} of ${names.length} captures\n`);
  });
});

/** None: all. */
const meets = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === 0 || b.length === 0 || a.some((name) => b.includes(name));
