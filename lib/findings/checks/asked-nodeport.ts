/** A NodePort that is asked for at an address of the node that takes none. */
import { servicePorts } from '../../expected/service-ports';
import { parseAddress } from '../../net/address';
import type { Expression } from '../../nft/model';
import { ask, type Question } from '../../reach/walk';
import type { Context } from '../context';
import { type Finding, finding } from '../finding';
import { isProxyTable } from '../foreign';
import { askCommand, listed } from '../show';

/** `localhost-nodeport`, `nodeport-address-not-served`: only where the connection does not arrive. */
export function askedNodePortFindings(context: Context): readonly Finding[] {
  const { question, network, cluster } = context;
  if (question === undefined || !cluster.services.known) return [];
  const { family, daddr, dport, protocol } = question.packet;
  if (family === 'arp') return [];
  const port = servicePorts(cluster.services.value, family, { openRange: true }).find(
    (one) => one.nodePort === dport && one.protocol === protocol,
  );
  const node = isLoopback(daddr) ? clientNode(question) : network.nodeByAddress.get(daddr);
  if (port === undefined || node === undefined) return [];
  const served = servedBy(context, node, family);
  const value = parseAddress(daddr)?.value;
  if (served === undefined || served.some((text) => parseAddress(text)?.value === value)) return [];
  const lost = ask(network, question, { verdictOnly: true }).flatMap(({ result, undecided }) =>
    undecided.length === 0 && result !== undefined && result !== 'ok' ? [result] : [],
  );
  if (lost.length === 0) return [];
  const name = `${port.namespace}/${port.service}`;
  const shown = served.length === 0 ? 'no address' : listed(served);
  return [
    finding({
      code: isLoopback(daddr) ? 'localhost-nodeport' : 'nodeport-address-not-served',
      summary: isLoopback(daddr)
        ? `On loopback addresses kube-proxy serves no NodePorts in nftables mode: ${daddr} port ${dport} of ${node} is not ${name}.`
        : `kube-proxy of ${node} serves NodePorts on ${shown} and not on ${daddr}: port ${dport} there is not ${name}.`,
      services: [name],
      nodes: [node],
      evidence: [
        { kind: 'address', node, address: daddr, text: `not in the set nodeport-ips, which holds ${shown}` },
        { kind: 'packet', node, packet: question.packet, text: [...new Set(lost)].join(', ') },
      ],
      reproduce: askCommand(question),
      remedy: isLoopback(daddr)
        ? 'Use an address of the node that is served, or the ClusterIP.'
        : shouldServe(context, node, family).some((text) => parseAddress(text)?.value === value)
          ? 'kube-proxy had it there: find out who took it out of nodeport-ips, and restart kube-proxy on the node, which writes its table anew.'
          : 'Add its network to nodePortAddresses of kube-proxy (the default is the primary address), or use an address that is served.',
    }),
  ];
}

const isLoopback = (text: string): boolean => {
  const address = parseAddress(text);
  return address?.family === 'ip' ? address.value >>> 24 === 127 : address?.value === 1n;
};

const clientNode = ({ client }: Question): string | undefined => (client.kind === 'node' ? client.node : undefined);

/** Addresses in the set of kube-proxy; undefined where the node serves all it has, or is of another mode. */
function servedBy(context: Context, node: string, family: string): readonly string[] | undefined {
  const table = context.node(node)?.ruleset?.tables.find((one) => one.family === family && isProxyTable(one));
  return table?.sets.find(({ name }) => name === 'nodeport-ips')?.elements.flatMap(({ key }) => addressesIn(key));
}

/** Addresses that the set should hold, as far as the rest of the table tells. */
function shouldServe(context: Context, node: string, family: string): readonly string[] {
  const expected = context.node(node)?.expected;
  const table = expected?.ok === true ? expected.value.find((one) => one.family === family)?.expected : undefined;
  return table?.sets.find(({ name }) => name === 'nodeport-ips')?.elements.flatMap(({ key }) => addressesIn(key)) ?? [];
}

function addressesIn(key: Expression): readonly string[] {
  if (typeof key === 'string') return [key];
  return typeof key === 'object' && key.kind === 'elem' ? addressesIn(key.val) : [];
}
