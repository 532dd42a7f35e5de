/** What depends on the order of chains, and marks that two owners write, as findings. */
import type { Conflict } from '../../conflicts/conflict';
import { conflictsOf } from '../../conflicts/conflicts-of';
import { chainsAt, isTie } from '../../conflicts/order';
import { parseKubeProxyName } from '../../explain/kube-proxy-name';
import type { PacketSpec } from '../../net/packet-spec';
import type { RuleRef } from '../../nft/model';
import type { Prepared } from '../../sim';
import type { Context } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { ownerName } from '../foreign';
import { nodeAddress } from '../probes';
import { nameOf } from '../services';
import { groupBy, listed, nodesOf, placeOf, ruleEvidence, ruleKey, ruleText, servicesOf, traceCommand } from '../show';
import { hiddenDnats } from './hidden-dnat';
import { markOverlaps, probesHit } from './mark-overlap';

/** `mark-bits-overlap` */
export function markFindings({ survey, network }: Context): readonly Finding[] {
  const all = [...network.nodes].flatMap(([node, { prepared }]) => {
    const probes = survey.of(node);
    return markOverlaps(prepared, probes).map((overlap) => ({
      ...overlap,
      node,
      p: prepared,
      hit: overlap.writers.flatMap((writer) => probesHit(prepared, probes, writer)),
    }));
  });
  return groupBy(all, ({ of, bits, writers }) => `${of} ${bits} ${writers.map(({ owner }) => owner).join()}`).map(
    (group) => {
      const [{ of, bits, writers, p, node, hit }] = group;
      const services = servicesOf(group.flatMap((one) => one.hit));
      const [first] = hit;
      const mask = `0x${bits.toString(16)}`;
      const owners = writers.map(({ owner }) => owner).join(' and ');
      const effect =
        services.length === 0
          ? 'Each takes them for its own.'
          : `Traffic of ${listed(services)} is masqueraded, or is not, because of it.`;
      return finding({
        code: 'mark-bits-overlap',
        summary: `On ${listed(nodesOf(group))} ${owners} both write the bits ${mask} of the ${of} mark. ${effect}`,
        services,
        nodes: nodesOf(group),
        evidence: [
          ...writers.map(({ at }) => ruleEvidence(p, node, at)),
          ...(first?.packet === undefined
            ? []
            : [
                {
                  kind: 'packet',
                  node,
                  packet: first.packet,
                  text: `its source is another without ${placeOf(writers[1].at)}`,
                } as const,
              ]),
        ],
        reproduce:
          first?.packet === undefined
            ? `nft list ruleset | grep mark`
            : `nftscope trace --source S --node ${node} --packet '${JSON.stringify(first.packet)}'`,
        remedy: `Give each its own bits, and write only these: meta mark set meta mark & ~MASK | VALUE. kube-proxy's bit is masqueradeBit, 14 (0x4000) unless configured.`,
      });
    },
  );
}

/** `priority-tie`: what is shown by a packet that ends otherwise when the two change places. */
export function tieFindings({ network, cluster }: Context): readonly Finding[] {
  const all = [...network.nodes].flatMap(([node, { prepared }]) =>
    hasTie(prepared) ? tiesOf(prepared).map((conflict) => ({ conflict, node, p: prepared })) : [],
  );
  // Two tables that meet at several hooks are one cause.
  const tables = ({ conflict: { first, second } }: (typeof all)[number]) =>
    [first, second].map(({ family, table }) => `${family} ${table}`);
  return groupBy(all, (one) => tables(one).toSorted().join()).map((group) => {
    const [one] = group;
    const { first, second, witness, differs } = one.conflict;
    const what = differs === 'destination' ? 'Where a packet goes' : 'Whether a packet arrives';
    return finding({
      code: 'priority-tie',
      summary: `On ${listed(nodesOf(group))} ${placeOf(first)}, runs before ${placeOf(second)}, only because it was loaded later: both have the same hook and priority. ${what} depends on it.`,
      services: group.flatMap(({ conflict }) => [
        ...servicesNamed(conflict.rules),
        ...servicesAsked(conflict.witness.packet, cluster),
      ]),
      nodes: nodesOf(group),
      evidence: group.flatMap(({ conflict, p, node }): readonly Evidence[] => [
        ...conflict.rules.map((at) => ruleEvidence(p, node, at)),
        { kind: 'packet', node, packet: conflict.witness.packet, text: 'ends otherwise when the two change places' },
      ]),
      reproduce: traceCommand(one.node, witness.packet),
      remedy: 'Give one of the two another priority, so that the order is the one that is meant.',
    });
  });
}

/** Conflicts that the order decides and that packets notice at their end. */
const tiesOf = (p: Prepared): readonly Conflict[] =>
  conflictsOf(p).conflicts.filter(
    ({ tie, differs, kind }) => tie && differs !== 'source' && kind !== 'accept-overruled',
  );

const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;

/** The search for packets costs; most nodes have no tie of two owners. */
const hasTie = (p: Prepared): boolean =>
  (['ip', 'ip6'] as const).some((family) =>
    HOOKS.some((hook) => {
      const chains = chainsAt(p, family, hook).map((chain) => {
        return { chain, owner: ownerName(chain.table.table, chain.chain.name) };
      });
      return chains.some((a, i) =>
        chains.slice(i + 1).some((b) => a.owner !== b.owner && isTie(p, family, hook, a.chain, b.chain)),
      );
    }),
  );

/** Services by the names of kube-proxy's chains. */
const servicesNamed = (rules: readonly RuleRef[]): readonly string[] =>
  rules.flatMap(({ chain }) => {
    const service = parseKubeProxyName(chain)?.service;
    return service === undefined ? [] : [`${service.namespace}/${service.name}`];
  });

/** Services that a packet asks for: at an address and port of theirs, or at a NodePort. */
function servicesAsked({ daddr, dport, protocol }: PacketSpec, { services }: Context['cluster']): readonly string[] {
  return (services.known ? services.value : []).flatMap((service) => {
    const addresses = [...service.clusterIPs, ...service.externalIPs, ...service.virtualIPs];
    const isAsked = service.ports.some(
      (one) =>
        one.protocol.toLowerCase() === protocol &&
        (addresses.includes(daddr ?? '') ? one.port === dport : one.nodePort !== undefined && one.nodePort === dport),
    );
    return isAsked ? [nameOf(service)] : [];
  });
}

/** `dnat-after-proxy-hidden` */
export function hiddenFindings({ network, cluster }: Context): readonly Finding[] {
  const all = [...network.nodes].flatMap(([node, { prepared }]) =>
    hiddenDnats(prepared, (family) => nodeAddress(cluster, node, prepared, family)).map((one) => ({
      ...one,
      node,
      p: prepared,
    })),
  );
  return groupBy(all, ({ p, rule, by }) => `${placeOf(rule)} ${ruleKey(p, rule)} ${placeOf(by)}`).map((group) => {
    const [{ rule, by, packet, node, p }] = group;
    return finding({
      code: 'dnat-after-proxy-hidden',
      summary: `On ${listed(nodesOf(group))} a rule in ${placeOf(rule)}, never translates a packet: ${placeOf(by)}, has bound the connection before.`,
      services: servicesNamed(group.map((one) => one.by)),
      nodes: nodesOf(group),
      evidence: [
        ...groupBy(group, (one) => one.node).flatMap(([one]) => [
          ruleEvidence(one.p, one.node, one.rule),
          ruleEvidence(one.p, one.node, one.by),
        ]),
        { kind: 'packet', node, packet, text: `${ruleText(p, rule)} would translate it alone` },
      ],
      reproduce: traceCommand(node, packet),
      remedy:
        'Choose another port, or let the rule run before kube-proxy (a lower priority), where it is meant to win.',
    });
  });
}
