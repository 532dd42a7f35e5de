/** Rules of others on the way of Service traffic, as findings. */
import type { Context } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { ownerName } from '../foreign';
import type { Probe } from '../probes';
import { chainOf } from '../rules';
import {
  culpritEvidence,
  groupBy,
  listed,
  nodesOf,
  placeOf,
  probeCommand,
  ruleEvidence,
  ruleKey,
  servicesOf,
  traceCommand,
} from '../show';
import { type Dropped, droppedTraffic } from './dropped';
import { type Captured, capturedProbes } from './nat-captured';
import { unheardDiscovery } from './neighbour-discovery';
import { type Untracked, untrackedAnswers, untrackedProbes } from './notrack';
import { lostErrors, shownError } from './related-icmp';

/** `drop-before-proxy`, `drop-after-proxy`. */
export function dropFindings({ survey, network }: Context): readonly Finding[] {
  const textOf = ({ node, by }: Dropped): string => {
    const p = network.nodes.get(node)?.prepared;
    return p === undefined || by.handle === undefined ? by.type : ruleKey(p, { ...by, handle: by.handle });
  };
  // The same table on several nodes is one cause; of a policy and rules of one chain each is its own.
  const rules = groupBy(droppedTraffic(survey), (one) => `${one.code} ${placeOf(one.by)} ${textOf(one)}`);
  const kind = ([{ code, by, isAnswered }]: Group<Dropped>): string =>
    `${code} ${placeOf(by)} ${by.type} ${isAnswered}`;
  return alike(rules, kind, ({ probes }) => probes).map((group) => {
    const [{ code, by }] = group;
    const probes = group.flatMap((one) => one.probes);
    const services = servicesOf(probes);
    const [probe] = probes;
    const what = by.type === 'policy' ? `the policy of ${placeOf(by)}` : `a rule in ${placeOf(by)}`;
    const when = code === 'drop-before-proxy' ? 'before kube-proxy translates it' : 'after kube-proxy let it through';
    // Who sends on the node itself is told of a drop, too: no packet goes back then.
    const verb = group.some(({ isAnswered }) => isAnswered) ? 'rejects' : 'drops';
    return finding({
      code,
      summary: `On ${listed(nodesOf(group))} ${what}, ${verb} traffic of ${listed(services)} ${when}.`,
      services,
      nodes: nodesOf(group),
      evidence: group.flatMap(({ node, by: one, probes: [first], results }): readonly Evidence[] => {
        const p = network.nodes.get(node)?.prepared;
        if (p === undefined) return [];
        const text = `${results.join(', ')}; sent from ${first?.from}, entering at ${first?.node}`;
        return [
          culpritEvidence(p, node, one),
          ...(first === undefined ? [] : [{ kind: 'packet', node, packet: first.question.packet, text } as const]),
        ];
      }),
      reproduce: probe === undefined ? '' : probeCommand(probe),
      remedy:
        code === 'drop-before-proxy'
          ? 'Let the traffic pass there: before the translation it still has the addresses and ports of Services and NodePorts.'
          : 'Let the traffic pass there: after the translation it has the addresses and target ports of pods. A later chain decides again, whatever kube-proxy accepted.',
    });
  });
}

type Group<T> = readonly [T, ...T[]];

/** Rules of one chain that do the same to the same Services on the same nodes are one fault: for TCP and for UDP, as it may be. */
function alike<T extends { readonly node: string }>(
  groups: readonly Group<T>[],
  kind: (group: Group<T>) => string,
  probesIn: (one: T) => readonly Probe[],
): readonly Group<T>[] {
  const key = (group: Group<T>): string => [kind(group), nodesOf(group), servicesOf(group.flatMap(probesIn))].join(' ');
  return groupBy(groups, key).map(([[first, ...rest], ...more]) => [first, ...rest, ...more.flat()]);
}

/** `nat-captured` */
export function natFindings({ survey, network }: Context): readonly Finding[] {
  const all = [...network.nodes].flatMap(([node, { prepared }]) =>
    capturedProbes(prepared, survey.of(node)).map((one) => ({ ...one, node, p: prepared })),
  );
  const rules = groupBy(all, ({ p, by, manip }) => `${manip} ${placeOf(by)} ${ruleKey(p, by)}`);
  const kind = ([{ manip, by }]: Group<(typeof all)[number]>): string => `${manip} ${placeOf(by)}`;
  return alike(rules, kind, ({ probe }) => [probe]).map((group) => {
    const [first] = group;
    const services = servicesOf(group.map(({ probe }) => probe));
    const nodes = nodesOf(group);
    const side = first.manip === 'dst' ? 'the destination' : 'the source';
    return finding({
      code: 'nat-captured',
      summary: `On ${listed(nodes)} a rule in ${placeOf(first.by)}, translates ${side} of traffic of ${listed(services)} before kube-proxy does, which then does not.`,
      services,
      nodes,
      evidence: groupBy(group, ({ node, by }) => `${node} ${by.handle}`).flatMap(([one]) => [
        ruleEvidence(one.p, one.node, one.by),
        { kind: 'packet', node: one.node, packet: one.probe.packet ?? {}, text: capturedText(one) } as const,
      ]),
      reproduce:
        first.probe.packet === undefined ? probeCommand(first.probe) : traceCommand(first.node, first.probe.packet),
      remedy:
        'Only the first nat chain that translates a connection counts. Leave out traffic to Services there, choose another port, or let the chain run after kube-proxy (a higher priority).',
    });
  });
}

const capturedText = ({ manip, now, instead }: Captured): string =>
  `${manip === 'dst' ? 'goes to' : 'comes from'} ${listed(now)} instead of ${listed(instead)}`;

/** `notrack-service-traffic` */
export function notrackFindings({ survey, network }: Context): readonly Finding[] {
  const requests = [...network.nodes].flatMap(([node, { prepared }]) =>
    untrackedProbes(prepared, survey.of(node)).map((one) => ({ ...one, node })),
  );
  const all = [...requests, ...untrackedAnswers(survey)].flatMap((one) => {
    const p = network.nodes.get(one.node)?.prepared;
    return p === undefined ? [] : [{ ...one, p }];
  });
  return groupBy(all, ({ p, by }) => `${by.family} ${by.table} ${ownerOf(p, by)}`).map((group) => {
    const [first] = group;
    const services = servicesOf(group.map(({ probe }) => probe));
    const nodes = nodesOf(group);
    return finding({
      code: 'notrack-service-traffic',
      summary: `On ${listed(nodes)} rules in table ${first.by.family} ${first.by.table} take traffic of ${listed(services)} out of connection tracking: it is never translated.`,
      services,
      nodes,
      evidence: groupBy(group, ({ node, by }) => `${node} ${by.chain} ${by.handle}`).map(([one]) =>
        ruleEvidence(one.p, one.node, one.by),
      ),
      reproduce: traceCommand(first.node, first.packet),
      remedy: 'Remove the notrack rules, or bind the address of the Service on the node as a local cache does.',
    });
  });
}

function ownerOf(p: Parameters<typeof chainOf>[0], by: Untracked['by']): string {
  const chain = chainOf(p, by);
  return chain === undefined ? '' : ownerName(chain.table.table, by.chain);
}

/** `icmp-needed-dropped` */
export function icmpFindings({ survey, network }: Context): readonly Finding[] {
  const failed = new Set(survey.failures.map(({ probe }) => probe));
  const all = [...network.nodes].flatMap(([node, { prepared }]) =>
    lostErrors(
      prepared,
      survey.of(node).filter((probe) => !failed.has(probe)),
    ).map((one) => ({ ...one, node, p: prepared })),
  );
  return groupBy(all, ({ by }) => placeOf(by)).map((group) => {
    const [first] = group;
    const nodes = nodesOf(group);
    const { family, table, chain } = first.by;
    const shown = firstOf(group, (one) => {
      const error = shownError(one.p, one);
      return error === undefined ? undefined : { node: one.node, error };
    });
    return finding({
      code: 'icmp-needed-dropped',
      summary: `On ${listed(nodes)} ${placeOf(first.by)}, lets connections pass and drops the ICMP errors that belong to them: where a link is smaller, large packets are lost without a word.`,
      services: servicesOf(group.map(({ probe }) => probe)),
      nodes,
      evidence: groupBy(group, ({ node, by }) => `${node} ${by.handle}`).flatMap(([one]): readonly Evidence[] => [
        culpritEvidence(one.p, one.node, one.by),
        { kind: 'packet', node: one.node, packet: one.error, text: 'the error, after the packet that it quotes' },
      ]),
      // By itself an error belongs to no connection: where the table of connections has none for it, the rules are all there is to show.
      reproduce:
        shown === undefined ? `nft -a list chain ${family} ${table} ${chain}` : traceCommand(shown.node, shown.error),
      assumptions: ['The error is taken to come from the target of the connection, by the interface it left by.'],
      remedy: 'Accept ct state related there, as ct state established is.',
    });
  });
}

/** The first answer among the first few. */
function firstOf<T, R>(items: readonly T[], answer: (item: T) => R | undefined): R | undefined {
  for (const item of items.slice(0, 3)) {
    const found = answer(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `nd-dropped` */
export function discoveryFindings({ network }: Context): readonly Finding[] {
  const all = [...network.nodes].flatMap(([node, { prepared }]) =>
    unheardDiscovery(network, node).map((one) => ({ ...one, p: prepared })),
  );
  return groupBy(all, ({ by }) => `${placeOf(by)} ${by.type}`).map((group) => {
    const [first] = group;
    const nodes = nodesOf(group);
    const what = [...new Set(group.map((one) => one.what))].join(' and ');
    return finding({
      code: 'nd-dropped',
      summary: `On ${listed(nodes)} ${placeOf(first.by)}, drops IPv6 neighbour ${what}: once entries run out, nobody reaches the node, or its pods, by IPv6.`,
      services: [],
      nodes,
      evidence: groupBy(group, ({ node, way, what: one }) => `${node} ${way} ${one}`).flatMap(([one]) => [
        culpritEvidence(one.p, one.node, one.by),
        {
          kind: 'packet',
          node: one.node,
          packet: one.packet,
          text: `neighbour ${one.what} ${one.way} by ${one.dev}`,
        } as const,
      ]),
      reproduce: traceCommand(first.node, first.packet),
      remedy:
        'Accept icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } in the input and output hooks, from and to link-local addresses as well; both are untracked, so that ct state does not let them pass.',
    });
  });
}
