/** `nftscope trace --cases`: recorded cases (docs/cases.md) in, what the kernel would report out. */
import 'server-only';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decodeBytes } from '@/lib/decode/decode-bytes';
import { decodeRuleset } from '@/lib/decode/decode-ruleset';
import { decodePacketSpec, type PacketSpec } from '@/lib/net/packet-spec';
import { failed, ok, type Problem, type Result } from '@/lib/net/result';
import { withLoaded } from '@/lib/sim/as-loaded';
import { runCase } from '@/lib/sim/run-case';
import { decodeEnvironment, type WorldParts } from '@/lib/world/decode-environment';
import { type BatchRecord, refuse, runBatch } from './batch';
import { CliError, type ExitStatus } from './cli-error';
import { readAll } from './lines';

/** Bytes of a file of environments: what fits into one string. */
const MOST_ENVIRONMENTS = 512e6;

/** Environments by name. They are decoded when a case first asks for them. */
type Environments = (name: string) => Result<WorldParts>;

export async function traceCases(path: string, environmentsPath: string | undefined): Promise<ExitStatus> {
  const environments = await readEnvironments(path, environmentsPath);
  return runBatch(
    path,
    (record) => answerCase(record, environments),
    (id, error) => ({ id, results: [], error }),
  );
}

async function readEnvironments(cases: string, given: string | undefined): Promise<Environments> {
  const path = given ?? (cases === '-' ? undefined : join(dirname(cases), 'environments.json'));
  // Cases may carry their environments themselves; only a name needs the file.
  if (path === undefined || (given === undefined && !existsSync(path))) {
    return (name) =>
      refuse(
        'CASE-003',
        `environment: there is no file of environments to find ${JSON.stringify(name)} in (--environments FILE)`,
      );
  }
  // Answers go on to others: a folder of this machine is none of theirs.
  const name = given ?? 'environments.json';
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(await readAll(path, MOST_ENVIRONMENTS)));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw CliError.because(
      'CLI-004',
      `${name} is not JSON: ${error instanceof Error ? error.message : String(error)}.`,
      'It is one object of environments by name (docs/cases.md).',
    );
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw CliError.because('CLI-004', `${name} is no object of environments by name.`, 'docs/cases.md describes it.');
  const byName = json as { readonly [name: string]: unknown };
  const decoded = new Map<string, Result<WorldParts>>();
  return (wanted) => {
    if (!Object.hasOwn(byName, wanted)) {
      return refuse(
        'CASE-003',
        `environment: there is no ${JSON.stringify(wanted)} in ${name}; there is ${Object.keys(byName).join(', ')}`,
      );
    }
    const known = decoded.get(wanted) ?? decodeEnvironment(byName[wanted]);
    decoded.set(wanted, known);
    return known;
  };
}

/** Reads id, mode, environment, rulesetJson and packets; whatever else a case holds is not looked at. */
function answerCase({ id, members }: BatchRecord, environments: Environments): Result<object> {
  const { environment, rulesetJson, packets, mode, ruleset: text } = members;
  if (mode !== 'independent' && mode !== 'flow' && mode !== undefined) {
    return refuse('CASE-004', `expected independent or flow, got ${JSON.stringify(mode)}`, 'mode');
  }
  const world = typeof environment === 'string' ? environments(environment) : decodeEnvironment(environment);
  if (!world.ok) return inMember('environment', world);
  const ruleset =
    typeof rulesetJson === 'string' ? decodeBytes(new TextEncoder().encode(rulesetJson)) : decodeRuleset(rulesetJson);
  if (!ruleset.ok) return inMember('rulesetJson', ruleset);
  if (!Array.isArray(packets)) return refuse('CASE-005', 'expected a list of packets', 'packets');
  const specs: PacketSpec[] = [];
  for (const [index, packet] of packets.entries()) {
    const spec = decodePacketSpec(packet);
    if (!spec.ok) return refuse(spec.problem.code, spec.problem.say, `packets[${index}] ${spec.problem.path}`);
    specs.push(spec.value);
  }
  const results = runCase({
    // nft 1.0.6 lists no devices of chains; the text that was loaded names them.
    ruleset: typeof text === 'string' ? withLoaded(ruleset.value, text) : ruleset.value,
    environment: world.value,
    packets: specs,
    mode: mode ?? 'independent',
  });
  return ok({ id, results });
}

/** A problem of a member of the case, whose path starts at the case. Names of environments say themselves where they are from. */
function inMember(member: string, { problem }: { readonly problem: Problem }): Result<never> {
  const { path = '' } = problem;
  return failed(
    problem.code === 'CASE-003' ? problem : { ...problem, path: path === '' ? member : `${member} ${path}` },
  );
}
