/** Packets that leave a node for an address of a Service: nothing translated them, and no host has the address. */

import { virtualRanges } from '../counterfactual/virtual-ranges';
import { formatAddress, parseAddress } from '../net/address';
import { preparedOf } from '../sim';
import type { Branch, Trace } from '../sim/trace';
import type { OpenNode } from './open-node';

/** Whether kube-proxy keeps an address for Services, allocated or not. */
function isVirtual(node: OpenNode): (text: string) => boolean {
  const ranges = virtualRanges(preparedOf(node.world));
  const { services } = node.cluster.cluster;
  const own = new Set((services.known ? services.value : []).flatMap(({ clusterIPs }) => clusterIPs));
  return (text) => {
    const address = parseAddress(text);
    if (address === undefined) return false;
    const value = BigInt(address.value);
    return (
      own.has(formatAddress(address.value)) || ranges[address.family].some(([from, to]) => from <= value && value <= to)
    );
  };
}

/** An address that no host has: those, and the addresses of Services that only kube-proxy translates. */
export function nobodyAt(node: OpenNode): (text: string) => boolean {
  const virtual = isVirtual(node);
  return (text) => node.addresses.object(text)?.kind === 'service' || virtual(text);
}

/** The trace as it is answered: where such a packet goes from here nobody knows, as on a way through the cluster. */
export function withoutStrays(node: OpenNode, trace: Trace): Trace {
  const left = trace.branches.map(leaving);
  if (left.every((sent) => sent === undefined)) return trace;
  const virtual = isVirtual(node);
  const branches = trace.branches.map((branch, i): Branch => {
    const sent = left[i];
    if (sent?.daddr === undefined || !virtual(sent.daddr)) return branch;
    const service = node.addresses.object(sent.daddr);
    const whose = service?.kind === 'service' ? `${service.namespace}/${service.name}` : 'no Service';
    const say = `It leaves ${node.node} by ${sent.dev} for ${sent.daddr}, an address of ${whose} that no host has: nothing on ${node.node} translated it.`;
    const settle = 'See what keeps the rules of kube-proxy from it, or follow its whole way.';
    return { ...branch, outcome: { kind: 'undecided', reasons: [{ code: 'untranslated', say, settle }] } };
  });
  return { ...trace, branches };
}

function leaving({ outcome }: Branch): { readonly dev: string; readonly daddr: string | undefined } | undefined {
  if (outcome.kind !== 'decided' || outcome.fate.summary !== 'transmitted') return undefined;
  const sent = outcome.fate.egress.find(({ skb, role }) => skb === 0 && role === 'original');
  return sent === undefined ? undefined : { dev: sent.dev, daddr: sent.packet.daddr };
}
