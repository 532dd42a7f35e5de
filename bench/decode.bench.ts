/** Decoding a listing of about 100 MB, against JSON.parse alone on the same bytes. The bar: 1.5. */
import { decodeBytes } from '../lib/decode/decode-bytes';
import type { Bench } from './bench';

const SERVICES = 20_000;
const ENDPOINTS = 4;

/** As kube-proxy writes it: service-ips and node ports in verdict maps, a chain for each service and each endpoint. */
function generateListing(services = SERVICES, endpoints = ENDPOINTS): string {
  const table = { family: 'ip', table: 'kube-proxy' };
  let handle = 100;
  const chains: unknown[] = [];
  const rules = new Map<string, unknown[]>();
  const serviceIps: unknown[] = [];
  const nodePorts: unknown[] = [];
  const clusterIps: string[] = [];
  const hairpin: unknown[] = [];
  const addChain = (name: string): void => {
    chains.push({ chain: { ...table, name, handle: handle++ } });
    rules.set(name, []);
  };
  const addRule = (chain: string, expr: unknown[], comment?: string): void => {
    const rule = { ...table, chain, handle: handle++, ...(comment === undefined ? {} : { comment }), expr };
    rules.get(chain)?.push({ rule });
  };
  const payload = (protocol: string, field: string): unknown => ({ payload: { protocol, field } });
  const match = (op: string, left: unknown, right: unknown): unknown => ({ match: { op, left, right } });
  const mark = { meta: { key: 'mark' } };

  for (let s = 0; s < services; s++) {
    const name = `team-${s % 97}/service-${String(s).padStart(5, '0')}/tcp/http`;
    const hash = (s * 2_654_435_761).toString(36).toUpperCase().padStart(8, 'A').slice(-8);
    const clusterIp = `10.96.${(s >> 8) & 255}.${s & 255}`;
    const service = `service-${hash}-${name}`;
    const external = `external-${hash}-${name}`;
    clusterIps.push(clusterIp);
    serviceIps.push([{ concat: [clusterIp, 'tcp', 80] }, { goto: { target: service } }]);
    addChain(service);
    addRule(service, [
      match('==', payload('ip', 'daddr'), clusterIp),
      match('==', payload('tcp', 'dport'), 80),
      match('!=', payload('ip', 'saddr'), { prefix: { addr: '10.128.0.0', len: 14 } }),
      { jump: { target: 'mark-for-masquerade' } },
    ]);
    if (s % 4 === 0) {
      addChain(external);
      nodePorts.push([{ concat: ['tcp', 30_000 + (s % 2_768)] }, { goto: { target: external } }]);
      addRule(external, [{ jump: { target: 'mark-for-masquerade' } }], 'masquerade');
      addRule(external, [{ goto: { target: service } }]);
    }
    const choices: unknown[] = [];
    for (let e = 0; e < endpoints; e++) {
      const address = `10.${128 + ((s >> 12) & 3)}.${(s >> 4) & 255}.${((s & 15) << 4) | e}`;
      const endpoint = `endpoint-${hash}-${name}__${address}/8080`;
      addChain(endpoint);
      hairpin.push({ concat: [address, address, 'tcp', 8080] });
      choices.push([e, { goto: { target: endpoint } }]);
      addRule(endpoint, [
        match('==', payload('ip', 'saddr'), address),
        { mangle: { key: mark, value: { '|': [mark, 16_384] } } },
      ]);
      addRule(endpoint, [
        match('==', { meta: { key: 'l4proto' } }, 'tcp'),
        { counter: { packets: s * 1_000 + e, bytes: s * 90_000 + e } },
        { dnat: { addr: address, port: 8080 } },
      ]);
    }
    addRule(service, [
      { vmap: { key: { numgen: { mode: 'random', mod: endpoints, offset: 0 } }, data: { set: choices } } },
    ]);
  }

  const named = (kind: string, name: string, type: unknown, rest: object): unknown => ({
    [kind]: { family: 'ip', name, table: 'kube-proxy', type, handle: handle++, ...rest },
  });
  const listing = [
    { metainfo: { version: '1.1.3', release_name: 'Commodore Bullmoose #4', json_schema_version: 1 } },
    { table: { family: 'ip', name: 'kube-proxy', handle: 3, comment: 'rules for kube-proxy' } },
    { chain: { ...table, name: 'services', handle: 1 } },
    { chain: { ...table, name: 'mark-for-masquerade', handle: 2 } },
    ...chains,
    named('set', 'cluster-ips', 'ipv4_addr', { elem: clusterIps }),
    named('set', 'hairpin-connections', ['ipv4_addr', 'ipv4_addr', 'inet_proto', 'inet_service'], { elem: hairpin }),
    named('map', 'service-ips', ['ipv4_addr', 'inet_proto', 'inet_service'], { map: 'verdict', elem: serviceIps }),
    named('map', 'service-nodeports', ['inet_proto', 'inet_service'], { map: 'verdict', elem: nodePorts }),
    ...[...rules.values()].flat(),
  ];
  // jansson puts a space behind commas and colons.
  return `{"nftables": [${listing.map((member) => spaced(JSON.stringify(member))).join(', ')}]}\n`;
}

const spaced = (json: string): string =>
  json.replace(/("(?:[^"\\]|\\.)*")|([,:])/g, (token, text) => (text ? token : `${token} `));

const bytes = new TextEncoder().encode(generateListing());

export const bench: Bench = {
  name: `decodeBytes, a listing of ${(bytes.length / 1e6).toFixed(0)} MB (bar: 1.5 × JSON.parse)`,
  cases: {
    'JSON.parse of the bytes': () => JSON.parse(Buffer.from(bytes.buffer, 0, bytes.length).toString('utf8')),
    decodeBytes: () => {
      const result = decodeBytes(bytes);
      if (!result.ok) throw new Error(result.problem.say);
      return result.value;
    },
  },
};
