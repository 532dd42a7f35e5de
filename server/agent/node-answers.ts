/** What the agent says of its readings: the JSON of docs/agent.md, and the node's part of a bundle. */
import 'server-only';
import { createHash } from 'node:crypto';
import { release } from 'node:os';
import type { Failure } from '@/lib/world/capture-files';
import type { NodeReader, Reading } from './node-reader';

type Readings = ReadonlyMap<string, Reading>;

export function failureOf({ reading }: Reading): Failure | undefined {
  return reading.kind === 'failed' ? reading.failure : undefined;
}

/** Over names, contents and failures of all parts; not over times. */
function hashOfParts(readings: Readings): string {
  const hash = createHash('sha256');
  for (const [name, reading] of readings)
    hash.update(`${name}\0${reading.sha256 ?? JSON.stringify(failureOf(reading))}\0`);
  return hash.digest('hex');
}

/** When the oldest part was read. */
export const oldest = (readings: Readings): Date =>
  new Date(Math.min(...[...readings.values()].map(({ capturedAt }) => capturedAt.getTime())));

export function hashesAnswer(reader: NodeReader, readings: Readings) {
  const failures = [...readings].flatMap(([name, reading]) => {
    const failure = failureOf(reading);
    return failure === undefined ? [] : [[name, failure] as const];
  });
  return {
    format: 1,
    node: reader.options.node,
    hash: hashOfParts(readings),
    state: reader.state,
    capturedAt: oldest(readings),
    files: Object.fromEntries([...readings].map(([name, { sha256 }]) => [name, sha256 ?? null])),
    errors: Object.fromEntries(failures),
    cost: costAnswer(reader),
  };
}

/** What the ruleset costs the node; without what changes at each transaction, so that equal answers stay equal. */
function costAnswer(reader: NodeReader) {
  const { listingCost, changesWithoutEvent } = reader.facts;
  const { state, why, proof, letGo, mismatches } = followAnswer(reader);
  return { listing: listingCost ?? null, follow: { state, why, proof, letGo, mismatches }, changesWithoutEvent };
}

export function nodeAnswer(reader: NodeReader, agent: { readonly version: string; readonly startedAt: Date }) {
  const { choice, watch, facts } = reader;
  const program = (one: { of: string; argv: readonly string[]; version: string | undefined }) => ({
    of: one.of,
    argv: one.argv,
    version: one.version ?? null,
  });
  return {
    format: 1,
    node: reader.options.node,
    agent,
    kernel: release(),
    nft: {
      use: choice.use === undefined ? null : program(choice.use),
      why: choice.why(),
      candidates: choice.candidates.map((one) => ({ ...program(one), failure: one.failure ?? null })),
    },
    ruleset: {
      state: reader.state,
      generation: facts.generation ?? null,
      changedAt: facts.changedAt ?? null,
      changedBy: facts.changedBy ?? null,
      nextListingAt: facts.nextListingAt ?? null,
      listedAt: facts.listedAt ?? null,
      listings: facts.listings,
      listing: facts.listingCost ?? null,
      changesWithoutEvent: facts.changesWithoutEvent,
    },
    watch: {
      state: watch.state.state,
      since: watch.state.since,
      why: watch.state.why ?? null,
      restarts: watch.state.restarts,
    },
    follow: followAnswer(reader),
    readings: Object.fromEntries([...reader.held].map(([name, reading]) => [name, readingAnswer(reading)])),
  };
}

function followAnswer({ follower, facts }: NodeReader) {
  if (follower === undefined)
    return { state: 'off', why: null, proof: null, transactions: 0, letGo: 0, mismatches: 0, writeMs: facts.writeMs };
  const { isFollowing, why, proof, transactions, letGo, mismatches } = follower.facts;
  const counts = { transactions, letGo, mismatches, writeMs: facts.writeMs };
  return { state: isFollowing ? 'following' : 'listing', why: why ?? null, proof: proof ?? null, ...counts };
}

function readingAnswer(one: Reading) {
  const { sha256, capturedAt, cpuMs, wallMs, reading } = one;
  const cost = { capturedAt, cpuMs, wallMs };
  if (reading.kind !== 'read') return { state: 'failed', failure: failureOf(one), ...cost };
  return { state: 'read', sha256, bytes: reading.content.length, ...cost };
}

/** What an event says of the ruleset. */
export function rulesetAnswer(reader: NodeReader) {
  const listing = reader.held.get('nft.json');
  return {
    generation: reader.facts.generation ?? null,
    state: reader.state,
    hash: listing?.sha256 ?? null,
    capturedAt: listing?.capturedAt ?? null,
  };
}

/** nodes/NODE/… with errors.json and capture.json. */
export function bundleFiles(node: string, readings: Readings): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const errors: Record<string, Failure> = {};
  const json = (value: object) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  files.set(`nodes/${node}/capture.json`, json({ format: 1, capturedAt: oldest(readings) }));
  for (const [name, { reading }] of readings) {
    if (reading.kind === 'read') files.set(`nodes/${node}/${name}`, reading.content);
    else if (reading.kind === 'failed') errors[name] = reading.failure;
  }
  if (Object.keys(errors).length > 0) files.set(`nodes/${node}/errors.json`, json(errors));
  return files;
}
