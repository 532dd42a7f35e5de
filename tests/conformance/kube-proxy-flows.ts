/**
 * The flows of kube-proxy's own tests (shared data, conformance/kube-proxy-flows) as cases for the tracer, and the verdict on
 * its answers.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { formatAddress, parseAddress } from '@/lib/net/address';

export interface Flow {
  readonly name: string;
  readonly saddr: string;
  readonly daddr: string;
  readonly dport: number;
  readonly protocol: string;
  readonly origin: 'node' | 'outside';
  readonly expect: Outcome & { readonly masqueradeByEndpoint?: Readonly<Record<string, boolean>> };
  readonly kernel?: Outcome;
}
interface Outcome {
  readonly verdict: 'accept' | 'drop' | 'reject';
  readonly endpoints: readonly string[];
  readonly masquerade: boolean | 'mixed';
}
export interface FlowRecord {
  readonly name: string;
  readonly config: {
    readonly localAddresses?: readonly string[] | null;
    readonly nodeIPs: readonly string[] | Readonly<Record<string, string>>;
  };
  readonly rulesetJson: unknown;
  readonly flows: readonly Flow[];
}

export const RELEASES = ['1.36.2', '1.35.6', '1.32.13'] as const;

export function readFlows(shared: string, release: string): readonly FlowRecord[] {
  const packed = readFileSync(join(shared, `conformance/kube-proxy-flows/kube-proxy-${release}.jsonl.gz`));
  const lines = gunzipSync(packed).toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as FlowRecord);
}

/** A case in the format of docs/cases.md; every flow is a packet of its own, on a fresh node. */
export function caseOf(record: FlowRecord, release: string) {
  return {
    id: `kube-proxy-${release}/${record.name}`,
    mode: 'independent',
    environment: environmentOf(record),
    rulesetJson: record.rulesetJson,
    packets: record.flows.map(({ saddr, daddr, dport, protocol, origin }) => ({
      ...(origin === 'node' ? { from: 'local' } : { iif: 'eth0' }),
      family: saddr.includes(':') ? 'ip6' : 'ip',
      saddr,
      daddr,
      protocol,
      sport: 40000,
      dport,
    })),
  };
}

/** One eth0 with all local addresses as /32 and /128 and a default route through it; nothing listens. */
function environmentOf({ config }: FlowRecord) {
  const listed = config.localAddresses ?? Object.values(config.nodeIPs);
  const own = listed.map((text) => text.split('/')[0] ?? '').filter((text) => text !== '127.0.0.1' && text !== '::1');
  const info = (text: string) =>
    text.includes(':')
      ? { family: 'inet6', local: text, prefixlen: 128, scope: 'global' }
      : { family: 'inet', local: text, prefixlen: 32, scope: 'global' };
  const local = (dst: string, dev: string) => ({
    type: 'local',
    dst,
    dev,
    table: 'local',
    protocol: 'kernel',
    scope: 'host',
    flags: [],
  });
  const of = (family: 4 | 6) => own.filter((text) => text.includes(':') === (family === 6));
  const link = { mtu: 1500, group: 'default' };
  return {
    addr: [
      {
        ...link,
        ifindex: 1,
        ifname: 'lo',
        mtu: 65536,
        link_type: 'loopback',
        address: '00:00:00:00:00:00',
        flags: ['LOOPBACK', 'UP', 'LOWER_UP'],
        addr_info: [
          { family: 'inet', local: '127.0.0.1', prefixlen: 8, scope: 'host' },
          { family: 'inet6', local: '::1', prefixlen: 128, scope: 'host' },
        ],
      },
      {
        ...link,
        ifindex: 2,
        ifname: 'eth0',
        link_type: 'ether',
        address: '02:00:00:00:00:01',
        flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
        addr_info: own.map(info),
      },
    ],
    route4: [
      { dst: 'default', dev: 'eth0', scope: 'link', flags: [] },
      ...of(4).map((text) => local(text, 'eth0')),
      local('127.0.0.0/8', 'lo'),
      local('127.0.0.1', 'lo'),
    ],
    route6: [
      { dst: 'default', dev: 'eth0', metric: 1024, flags: [] },
      ...of(6).map((text) => ({ ...local(text, 'eth0'), metric: 0 })),
      { ...local('::1', 'lo'), metric: 0 },
    ],
    rule4: [rule(0, 'local'), rule(32766, 'main'), rule(32767, 'default')],
    rule6: [rule(0, 'local'), rule(32766, 'main')],
    neigh: [],
    sysctl: [
      'net.ipv4.ip_forward = 1',
      'net.ipv4.conf.all.rp_filter = 0',
      'net.ipv4.conf.eth0.rp_filter = 0',
      'net.ipv4.conf.all.forwarding = 1',
      'net.ipv6.conf.all.forwarding = 1',
      '',
    ].join('\n'),
    sockets: { tcpListen: [], udpBound: [] },
  };
}
const rule = (priority: number, table: string) => ({ priority, src: 'all', table });

/** One result of `runCase` or of a line of `trace --cases`, as far as it is read here. */
interface Result {
  readonly undecided?: readonly { readonly say: string }[];
  readonly outcomes?: readonly Result[];
  readonly fate?: { readonly summary: string };
  readonly conntrack?: readonly { readonly original: Tuple; readonly reply: Tuple }[];
}
interface Tuple {
  readonly src: string;
  readonly dst: string;
  readonly sport?: number | string;
  readonly dport?: number | string;
}

/** Undefined when the answer is what the kernel did; else the difference in words. */
export function disagreement(flow: Flow, answer: unknown): string | undefined {
  const result = answer as Result;
  if (result.undecided !== undefined) return `undecided: ${result.undecided.map(({ say }) => say).join('; ')}`;
  const outcomes = (result.outcomes ?? [result]).map((outcome) => outcomeOf(outcome, flow));
  const want = flow.kernel ?? flow.expect;
  const verdicts = [...new Set(outcomes.map(({ verdict }) => verdict))].join(' or ');
  if (verdicts !== want.verdict) return `${verdicts}, not ${want.verdict}`;
  const endpoints = [...new Set(outcomes.flatMap(({ endpoint }) => endpoint ?? []))].sort().join(' ');
  const wanted = want.endpoints.map(canonical).sort().join(' ');
  if (endpoints !== wanted) return `endpoints ${endpoints}, not ${wanted}`;
  if (want.verdict !== 'accept') return undefined;
  const masquerades = [...new Set(outcomes.map(({ masquerade }) => masquerade))];
  const got = masquerades.length > 1 ? 'mixed' : masquerades[0];
  return got === want.masquerade ? undefined : `masquerade ${got}, not ${want.masquerade}`;
}

/** A packet that is delivered here, reset, or lost behind the rules was accepted by them. */
function outcomeOf({ fate, conntrack }: Result, flow: Flow) {
  const verdict = fate?.summary === 'dropped' ? 'drop' : fate?.summary === 'rejected' ? 'reject' : 'accept';
  const entry = conntrack?.find(
    ({ original }) => original.src === formatText(flow.saddr) && original.dst === formatText(flow.daddr),
  );
  if (verdict !== 'accept' || entry === undefined) return { verdict, endpoint: undefined, masquerade: false };
  const { original, reply } = entry;
  const dnat = reply.src !== original.dst || reply.sport !== original.dport;
  return {
    verdict,
    endpoint: dnat ? hostPort(reply.src, reply.sport) : undefined,
    // The node's own address stays what it is; masquerading it shows in the port (fully-random).
    masquerade: reply.dst !== original.src || reply.dport !== original.sport,
  };
}

const formatText = (text: string): string => {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address.value);
};
const hostPort = (host: string, port: number | string | undefined): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

function canonical(endpoint: string): string {
  const match = /^\[?(.*?)\]?:(\d+)$/.exec(endpoint);
  return match === null ? endpoint : hostPort(formatText(match[1] ?? ''), match[2]);
}
