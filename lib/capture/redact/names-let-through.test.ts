/** Names in places where people seldom put any: none of them is in a redacted capture. Each is called secret… here. */
import { describe, expect, test } from 'vitest';
import type { FileReading } from '../../world/capture-files';
import { Redactor } from './redactor';
import { hashesOf } from './testing/renamings';

const read = (value: unknown): FileReading => ({
  kind: 'read',
  content: typeof value === 'string' ? value : JSON.stringify(value),
});
const filesOf = (files: { readonly [name: string]: unknown }) =>
  new Map(Object.entries(files).map(([name, value]) => [name, read(value)]));
const redactor = new Redactor(hashesOf('a key'), new Map());
const contentOf = (reading: FileReading | undefined): string => (reading?.kind === 'read' ? reading.content : '');
const node = (file: string, value: unknown): string =>
  contentOf(redactor.nodeFiles(filesOf({ [file]: value })).get(file));
const cluster = (file: string, value: object): string =>
  contentOf(redactor.clusterFiles(filesOf({ [file]: value })).get(file));

const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });
const ruleOf = (...expr: readonly object[]) => ({ rule: { family: 'inet', table: 't', chain: 'c', handle: 4, expr } });
const listing = (...items: readonly object[]) => ({ nftables: items });
const skuid = { meta: { key: 'skuid' } };

describe('in the listing', () => {
  test.each([
    { name: 'a user', item: ruleOf(match(skuid, 'secret-user')) },
    { name: 'a group', item: ruleOf(match({ meta: { key: 'skgid' } }, 'secret-group', '!=')) },
    { name: 'users', item: ruleOf(match(skuid, { set: ['secret-user', 0, { range: ['secret-a', 'secret-b'] }] })) },
    { name: 'a group of interfaces', item: ruleOf(match({ meta: { key: 'iifgroup' } }, 'secret')) },
    { name: 'labels', item: ruleOf(match({ ct: { key: 'label' } }, ['secret-a', 'secret-b'], 'in')) },
    { name: 'a label that is set', item: ruleOf({ mangle: { key: { ct: { key: 'label' } }, value: 'secret' } }) },
    { name: 'a realm', item: ruleOf(match({ meta: { key: 'rtclassid' } }, 'secret')) },
    { name: 'a cgroup', item: ruleOf(match({ socket: { key: 'cgroupv2', level: 1 } }, 'secret.slice')) },
    {
      name: 'a context',
      item: { secmark: { family: 'inet', table: 't', name: 's', handle: 1, context: 'system_u:secret_t:s0' } },
    },
    {
      name: 'a user beside a port',
      item: ruleOf(
        match(
          { concat: [skuid, { payload: { protocol: 'tcp', field: 'dport' } }] },
          { set: [{ concat: ['secret', 80] }] },
        ),
      ),
    },
    { name: 'a map of users', item: ruleOf({ vmap: { key: skuid, data: { set: [['secret', { drop: null }]] } } }) },
    {
      name: 'a set of users',
      item: { set: { family: 'inet', table: 't', name: 's', type: 'uid', handle: 1, elem: ['secret'] } },
    },
    {
      name: 'a set of what a user is',
      item: {
        set: {
          family: 'inet',
          table: 't',
          name: 's',
          type: { typeof: skuid },
          handle: 1,
          elem: [{ elem: { val: 'secret', timeout: 5 } }],
        },
      },
    },
    {
      name: 'a map of groups and ports',
      item: {
        map: {
          family: 'inet',
          table: 't',
          name: 's',
          type: ['gid', 'inet_service'],
          map: 'verdict',
          handle: 1,
          elem: [[{ concat: ['secret', 80] }, { drop: null }]],
        },
      },
    },
  ])('$name', ({ item }) => {
    const redacted = node('nft.json', listing(item));
    expect(redacted).not.toMatch(/secret/);
    expect(JSON.parse(redacted).nftables).toHaveLength(1);
  });

  test('root, numbers, sets and the names of interfaces beside a user stay', () => {
    const left = { concat: [skuid, { meta: { key: 'oifname' } }] };
    const item = ruleOf(
      match(left, { set: [{ concat: ['root', 'eth0'] }, { concat: [1000, 'eth1'] }] }),
      match(skuid, '@s'),
    );
    expect(JSON.parse(node('nft.json', listing(item)))).toEqual(listing(item));
  });

  test('is called in the text as in the JSON, also among the elements of a set', () => {
    const files = filesOf({
      // The text first: it is the JSON that tells which words are names.
      'nft.txt':
        '\t\telements = { "secret" }\n\t\tmeta skuid { "secret", "secret-b" } socket cgroupv2 level 1 "secret.slice" drop # handle 4',
      'nft.json': listing({ set: { family: 'inet', table: 't', name: 's', type: 'uid', handle: 1, elem: ['secret'] } }),
    });
    const redacted = redactor.nodeFiles(files);
    const text = contentOf(redacted.get('nft.txt'));
    expect(text).not.toMatch(/secret/);
    const [element = ''] = JSON.parse(contentOf(redacted.get('nft.json'))).nftables[0].set.elem;
    expect(element).toMatch(/^r[a-z2-7]{10}$/);
    expect(text.split(element)).toHaveLength(3);
  });
});

describe('in outputs of ip, conntrack, ss and sysctl', () => {
  test('a routing table is called the same in routes and rules; those of the system stay', () => {
    const routes = JSON.parse(
      node('route4.json', [
        { dst: 'default', dev: 'eth0', table: 'secret', protocol: 'secret-d' },
        { dst: '10.0.0.0/8', table: 'main', protocol: 'kernel' },
        { dst: 'default', table: '100' },
      ]),
    );
    const rules = JSON.parse(node('rule4.json', [{ priority: 5, src: 'all', table: 'secret' }]));
    expect(JSON.stringify([routes, rules])).not.toMatch(/secret/);
    expect(routes.map(({ table }: { table: string }) => table)).toEqual([rules[0].table, 'main', '100']);
    expect(routes[1].protocol).toBe('kernel');
  });

  test.each([
    { file: 'link.json', value: [{ ifname: 'eth0', altnames: ['secret'], link_netns: 'cni-secret', group: 'secret' }] },
    {
      file: 'link.json',
      value: [{ ifname: 'tun0', linkinfo: { info_kind: 'tun', info_data: { type: 'tun', user: 'secret' } } }],
    },
    {
      file: 'conntrack.txt',
      value:
        'ipv4 2 tcp 6 9 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 secctx=a:secret labels=secret,secret-b use=1 id=1',
    },
    { file: 'sockets.txt', value: 'tcp LISTEN 0 128 10.0.0.1:22 0.0.0.0:* users:(("secret",pid=3,fd=3))' },
    { file: 'sysctl.txt', value: 'net.ipv4.ip_forward = 1\nkernel.hostname = secret' },
    { file: 'versions.json', value: { nft: '1.0.6 secret', kernel: '6.18.44' } },
  ])('$file: $value', ({ file, value }) => {
    expect(node(file, value)).not.toMatch(/secret/);
  });

  test('a VXLAN keeps the address of its group', () => {
    const link = [{ ifname: 'v', linkinfo: { info_data: { group: '239.1.1.1' } } }];
    expect(JSON.parse(node('link.json', link))).toEqual(link);
  });
});

describe('in iptables-save', () => {
  test.each([
    '-A INPUT -m owner --uid-owner secret -j DROP',
    '-A INPUT -m tls --tls-host secret.example -j DROP',
    '-A INPUT -m set ! --match-set secret src,dst -j DROP',
    '-A INPUT -j SET --add-set secret src --exist',
    '-A INPUT -m recent --rcheck --seconds 60 --name secret --rsource -j DROP',
    '-A INPUT -m hashlimit --hashlimit-upto 5/sec --hashlimit-name secret -j DROP',
    '-A INPUT -m cgroup --path secret/slice -j DROP',
    '-A INPUT -m nfacct --nfacct-name  secret -j DROP',
    '-A INPUT -m unheard-of --option "secret with blanks" secret-b -j DROP',
    '# Generated by iptables-save v1.8.9 (nf_tables) on secret',
  ])('%s', (line) => {
    expect(node('iptables-save.txt', line)).not.toMatch(/secret/);
  });

  test('an address in u32 or in bytecode', () => {
    expect(node('iptables-save.txt', '-A INPUT -m u32 --u32 "0xc=0xcb007179" -j DROP')).toBe(
      '-A INPUT -m u32 --u32 redacted -j DROP',
    );
    expect(node('iptables-save.txt', '-A INPUT -m bpf --bytecode "4,48 0 0 9,21 0 1 6" -j DROP')).not.toMatch(/48 0 0/);
  });

  test.each([
    '-A INPUT -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack ! --ctstate NEW,RELATED -j REJECT --reject-with tcp-reset',
    '-A X -m statistic --mode random --probability 0.33333333349 -j MARK --set-xmark 0x4000/0x4000',
    '-A X -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP',
    '-A X -m owner --uid-owner 0-999 -m owner --gid-owner root -j ACCEPT',
    '-A X -m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst -j MASQUERADE --random-fully',
    '-A X -m limit --limit 5/sec --limit-burst 7 -m addrtype ! --src-type LOCAL --limit-iface-in -j NFQUEUE --queue-num 3 --queue-bypass',
    '# Completed on Sat Jan 31 12:00:00 2026',
  ])('%s stays', (line) => {
    expect(node('iptables-save.txt', line)).toBe(line);
  });
});

describe('in the objects', () => {
  const list = (item: object) => ({ kind: 'List', items: [item] });
  test.each([
    {
      file: 'pods.json',
      item: {
        metadata: { ownerReferences: [{ apiVersion: 'secret.example/v1beta1', kind: 'SecretThing', name: 'secret' }] },
      },
    },
    { file: 'services.json', item: { spec: { ports: [{ port: 80, appProtocol: 'secret.example/x' }] } } },
    { file: 'services.json', item: { metadata: { annotations: { 'service.kubernetes.io/topology-mode': 'secret' } } } },
    {
      file: 'pods.json',
      item: { status: { conditions: [{ type: 'secret.example/gate', status: 'False', reason: 'SecretReason' }] } },
    },
    {
      file: 'nodes.json',
      item: { metadata: { name: 'secret-10.0.0.5-east', labels: { 'node-role.kubernetes.io/secret': '' } } },
    },
  ])('$file: $item', ({ file, item }) => {
    expect(cluster(file, list(item))).not.toMatch(/secret/i);
  });

  test('an address within a name is part of the name, wherever the name stands', () => {
    const name = 'east-10.0.0.5';
    const [node] = JSON.parse(cluster('nodes.json', list({ metadata: { name } }))).items;
    const [pod] = JSON.parse(cluster('pods.json', list({ spec: { nodeName: name } }))).items;
    expect(node.metadata.name).toBe(redactor.node(name));
    expect(pod.spec.nodeName).toBe(redactor.node(name));
  });

  test('what Kubernetes itself writes stays', () => {
    const item = {
      metadata: {
        annotations: {
          'service.kubernetes.io/topology-mode': 'Auto',
          'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-31T12:00:00Z',
        },
        labels: { 'node-role.kubernetes.io/control-plane': '' },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
          { apiVersion: 'v1', kind: 'Node' },
        ],
      },
      spec: { ports: [{ port: 80, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }] },
      status: { conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }] },
    };
    expect(JSON.parse(cluster('pods.json', list(item)))).toEqual(list(item));
  });
});

describe('in errors', () => {
  const failed = (command: string, stderr: string) =>
    redactor
      .nodeFiles(new Map([['iptables-save.txt', { kind: 'failed', failure: { command, exitStatus: 1, stderr } }]]))
      .get('iptables-save.txt');

  test.each([
    {
      command: '/opt/secret/iptables-save',
      stderr: '/opt/secret/iptables-save: No such file or directory',
      says: 'redacted: No such file or directory',
    },
    { command: 'reading secret', stderr: 'secret: command not found', says: 'redacted: command not found' },
    { command: 'GET /api/v1/namespaces/secret/pods', stderr: 'pods is forbidden: User "secret"', says: 'redacted' },
  ])('$command', ({ command, stderr, says }) => {
    expect(failed(command, stderr)).toEqual({
      kind: 'failed',
      failure: { command: 'iptables-save', exitStatus: 1, stderr: says },
    });
  });

  test.each([
    {
      command: 'nft -j list ruleset',
      stderr:
        'Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n',
    },
    { command: 'GET /apis/discovery.k8s.io/v1/endpointslices', stderr: '' },
    { command: 'iptables-nft-save', stderr: 'stopped after 60 s' },
  ])('$command stays, with what the system says', ({ command, stderr }) => {
    expect(failed(command, stderr)).toEqual({ kind: 'failed', failure: { command, exitStatus: 1, stderr } });
  });
});
