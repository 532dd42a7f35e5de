/** A question to an opened node → everything a replay of it needs; the kernel is asked elsewhere (server/replay). */
import type { Obstacle } from '../monitor/agreement';
import type { PacketSpec } from '../net/packet-spec';
import { ok, type Result } from '../net/result';
import { renderRuleset } from '../render/render-ruleset';
import { canonicalListing, type RuleHandles, ruleHandles } from '../replay/compare-listing';
import { type NodePlan, planNode } from '../replay/replay-plan';
import type { PolicyRule, Route } from '../world/world';
import type { OpenNode } from './open-node';
import { type TraceQuery, tracePacket } from './trace-answer';

export interface RulesetPlan {
  /** Texts to try in turn: what nft printed, then what we print. */
  readonly texts: readonly string[];
  /** The captured listing, see {@link canonicalListing}. */
  readonly listing: readonly string[];
  readonly handles: RuleHandles;
  /** Our text of the model, without handles: compared where another nft listed the capture. */
  readonly rendered: string;
  readonly listedBy: string | undefined;
}

export interface RoutesPlan {
  readonly family: 'ip' | 'ip6';
  readonly routes: readonly Route[] | undefined;
  readonly rules: readonly PolicyRule[] | undefined;
}

export interface ReplayPlan {
  readonly version: string;
  readonly node: string;
  readonly packet: PacketSpec;
  /** What stands in the way; the rest is undefined then. */
  readonly obstacles: readonly Obstacle[];
  readonly build:
    | { readonly node: NodePlan; readonly ruleset: RulesetPlan; readonly routes: readonly RoutesPlan[] }
    | undefined;
}

export function replayPlan(node: OpenNode, query: TraceQuery): Result<ReplayPlan> {
  const traced = tracePacket(node, query);
  if (!traced.ok) return traced;
  const { packet, trace, world } = traced.value;
  const planned = planNode(world, packet, trace);
  const base = { version: node.version, node: node.node, packet };
  const listing = listingOf(node);
  const obstacles = [...planned.obstacles, ...listing.obstacles];
  if (planned.plan === undefined || listing.ruleset === undefined || obstacles.length > 0)
    return ok({ ...base, obstacles, build: undefined });
  const routes = (['ip', 'ip6'] as const).map((family): RoutesPlan => {
    const known = world.routes[family];
    const rules = world.rules[family];
    return { family, routes: known.known ? known.value : undefined, rules: rules.known ? rules.value : undefined };
  });
  return ok({ ...base, obstacles, build: { node: planned.plan, ruleset: listing.ruleset, routes } });
}

/** Facts that a listing leaves out and without which another ruleset would be loaded. */
const NEEDED = new Set([
  'table.flags',
  'chain.devices',
  'set.type',
  'map.data',
  'element.statements',
  'rule.statement',
  'rule.statements',
  'meter.set',
]);

function listingOf({ files, ruleset }: OpenNode): {
  readonly ruleset: RulesetPlan | undefined;
  readonly obstacles: readonly Obstacle[];
} {
  const file = files.get('nft.json');
  if (!ruleset.ok || file?.kind !== 'read') return { ruleset: undefined, obstacles: [] };
  const bytes = new TextDecoder().decode(file.content);
  const model = ruleset.value.ruleset;
  if (/"xt"\s*:/.test(bytes)) {
    const say = 'The ruleset has statements of iptables (xt), which nft can neither print in full nor load.';
    return { ruleset: undefined, obstacles: [{ code: 'xt', say }] };
  }
  const text = files.get('nft.txt');
  const lost = text?.kind === 'read' ? [] : model.omissions.filter(({ what }) => NEEDED.has(what));
  const obstacles = lost.slice(0, 3).map(
    ({ what, where }): Obstacle => ({
      code: 'listing',
      say: `The listing leaves out ${what} of ${where}, and the capture has no nft.txt.`,
    }),
  );
  const json: unknown = JSON.parse(bytes);
  return {
    obstacles,
    ruleset: {
      texts: [...(text?.kind === 'read' ? [new TextDecoder().decode(text.content)] : []), renderRuleset(model, {})],
      listing: canonicalListing(json),
      handles: ruleHandles(json),
      rendered: renderRuleset(model, {}),
      listedBy: model.nftVersion,
    },
  };
}
