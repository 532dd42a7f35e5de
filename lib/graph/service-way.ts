/** A trace on the chain graph of a Service: which parts the packet touches, in its order. */
import type { Branch, FieldDiff } from '../sim/trace';
import { chainId, elementId, endId, endpointId } from './service-graph';

/** Stages in the order of the packet; parts of one stage belong together. Those that are not in the graph are left out. */
export function serviceWay(
  branches: readonly Branch[],
  table: string,
  known: ReadonlySet<string>,
): readonly (readonly string[])[] {
  const ways = branches.map((branch) => branchWay(branch, table).filter((id) => known.has(id)));
  // What all branches have in common comes first, then all that follows at once: each branch is as likely to be seen.
  const [first = [], ...others] = ways;
  let common = 0;
  while (common < first.length && others.every((way) => way[common] === first[common])) common++;
  const longest = Math.max(0, ...ways.map((way) => way.length));
  const stages: string[][] = [];
  for (let at = 0; at < longest; at++) {
    if (at < common) stages.push([first[at] ?? '']);
    else stages.push([...new Set(ways.flatMap((way) => way[at] ?? []))]);
  }
  return stages;
}

function branchWay({ steps }: Branch, table: string): readonly string[] {
  const found = new Set<string>();
  let address: string | undefined;
  let port: string | undefined;
  for (const step of steps) {
    // Packets that the kernel made on the way have ways of their own.
    if (step.skb !== 0) continue;
    if (step.kind === 'start') {
      address = step.packet.daddr;
      port = step.packet.dport === undefined ? undefined : String(step.packet.dport);
    }
    if (step.kind === 'rule' && `${step.at.family} ${step.at.table}` === table) {
      found.add(chainId(step.at.chain));
      for (const { name, hit } of step.lookups) {
        if (name === undefined || hit === undefined) continue;
        found.add(elementId(name, hit.element));
        if (hit.data === 'drop') found.add(endId('drop'));
        if (hit.data === 'goto reject-chain') found.add(endId('reject'));
      }
      if (step.verdict === 'drop') found.add(endId('drop'));
    }
    if (step.kind === 'nat' && step.manip === 'dst' && step.by !== 'entry') {
      address = after(step.diffs, 'daddr') ?? address;
      port = after(step.diffs, 'dport') ?? port;
      if (address !== undefined && port !== undefined)
        found.add(endpointId(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`));
    }
  }
  return [...found];
}

const after = (diffs: readonly FieldDiff[], field: string): string | undefined =>
  diffs.find((diff) => diff.field.endsWith(` ${field}`))?.after;
