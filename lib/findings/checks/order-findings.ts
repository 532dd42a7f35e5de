/** What depends on the order of chains, and marks that two owners write, as findings. */
import type { Context } from '../context';
import { type Finding, finding } from '../finding';
import { groupBy, listed, placeOf, ruleEvidence, servicesOf } from '../show';
import { markOverlaps, probesHit } from './mark-overlap';

const nodesOf = (group: readonly { readonly node: string }[]): readonly string[] => [
  ...new Set(group.map(({ node }) => node)),
];

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
