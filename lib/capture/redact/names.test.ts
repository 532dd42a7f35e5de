import { describe, expect, test } from 'vitest';
import { IptablesNames, renameServiceChain } from './kube-proxy-names';
import { renamingOf, unchanging, wordsOf } from './testing/renamings';

/** Names that real kube-proxies gave. */
const KUBE_PROXY = [
  'service-2QRHZV4L-default/kubernetes/tcp/https',
  'endpoint-6ZNVLG73-default/kubernetes/tcp/https__192.168.0.2/6443',
  'local-FY5PMXPG-kube-system/kube-dns/udp/dns',
  'affinity-SHKW4FT7-kube-system/kube-dns/udp/dns__10.244.0.3/53',
  'firewall-PFISGYVC-default/web/tcp/',
  'endpoint-ZVRFLKHO-ns1/svc1/tcp/p80__fd00.10.180..1/80',
];

describe('names of kube-proxy', () => {
  test.each(KUBE_PROXY)('%s is what it is made from', (name) => {
    expect(renameServiceChain(name, unchanging())).toBe(name);
  });

  test('chains of one port share their hash, and it is that of the new name', () => {
    const renaming = renamingOf('secret');
    const of = (name: string) => renameServiceChain(name, renaming) ?? '';
    const service = of('service-PFISGYVC-default/web/tcp/');
    expect(service).toMatch(/^service-[A-Z2-7]{8}-default\/r[a-z2-7]{10}\/tcp\/$/);
    expect(of('external-PFISGYVC-default/web/tcp/')).toBe(service.replace('service', 'external'));
    // Made from its own parts it stays.
    expect(renameServiceChain(service, unchanging())).toBe(service);
    const endpoint = of('endpoint-ZVRFLKHO-ns1/svc1/tcp/p80__fd00.10.180..1/80');
    expect(renameServiceChain(endpoint, unchanging())).toBe(endpoint);
    expect(endpoint).not.toMatch(/ns1|svc1|p80|10\.180/);
  });

  test('a wrong hash stays wrong, and a name that was cut stays cut', () => {
    const renaming = renamingOf('secret');
    const wrong = renameServiceChain('service-AAAAAAAA-ns/web/tcp/http', renaming) ?? '';
    expect(renameServiceChain(wrong, unchanging())).not.toBe(wrong);
    const cut = renameServiceChain(`endpoint-AAAAAAAA-ns/${'s'.repeat(63)}/tcp/http__fd00.1.2...`, renaming);
    expect(cut).toMatch(/^endpoint-[A-Z2-7]{8}-r\w{10}\/r\w{62}\/tcp\/http__\.\.\.$/);
  });

  test.each(['filter-input', 'services', 'service-ips', 'cali-FORWARD', 'KUBE-SERVICES', 'service-ABC-x'])(
    '%s is no such name',
    (name) => {
      expect(renameServiceChain(name, renamingOf('secret'))).toBeUndefined();
    },
  );

  test('iptables mode: hashes of known Services are computed again', () => {
    const ports = () => [
      { namespace: 'default', service: 'kubernetes', port: 'https', protocol: 'tcp', endpoints: [] },
      { namespace: 'kube-system', service: 'kube-dns', port: 'dns', protocol: 'udp', endpoints: [] },
    ];
    // The same in every cluster.
    const known = '-A KUBE-SERVICES -j KUBE-SVC-NPX46M4PTMTKRN6Y -j KUBE-SVC-TCOU7JCQXEZGVUNU';
    expect(new IptablesNames(unchanging(), ports).replace(known)).toBe(known);
    const unknown = new IptablesNames(unchanging(), () => []).replace(known);
    expect(unknown).toMatch(/^-A KUBE-SERVICES -j KUBE-SVC-[A-Z2-7]{16} -j KUBE-SVC-[A-Z2-7]{16}$/);
    expect(unknown).not.toMatch(/NPX46M4PTMTKRN6Y|TCOU7JCQXEZGVUNU/);
  });
});

describe('other names', () => {
  const { names } = renamingOf('secret');

  test('pods keep what tells them apart', () => {
    const web = names.name('web');
    expect(names.name('web-7d9f8b6c5-x2k4p')).toBe(`${web}-7d9f8b6c5-x2k4p`);
    expect(names.name('web-0')).toBe(`${web}-0`);
    expect(web).toMatch(/^r[a-z2-7]{10}$/);
  });

  test.each(['ip-10-0-0-1', 'ip-10-0-0-1.eu-west-1.compute.internal'])('%s is an address', (name) => {
    expect(names.name(name)).toMatch(/^r[a-z2-7]{10}$/);
  });

  test.each([31, 50, 63])(
    'a name of %i characters keeps its length: a comment that was too long stays so',
    (length) => {
      expect(names.name('s'.repeat(length))).toMatch(new RegExp(`^r[a-z2-7]{${length - 1}}$`));
    },
  );

  test.each(['default', 'kube-system', 'kubernetes', 'kube-dns', ''])('%j stays', (name) => {
    expect(names.name(name)).toBe(name);
  });
});

describe('words', () => {
  const renaming = renamingOf('secret');
  const words = wordsOf(renaming, ['shop', 'web-api', 'filter']);
  const shop = renaming.names.name('shop');
  const web = renaming.names.name('web-api');
  const at = (address: string) => renaming.addresses.text(address);

  test.each([
    { name: 'filter', want: 'filter' },
    { name: 'allow-shop-in', want: `allow-${shop}-in` },
    { name: 'allow_web-api', want: `allow_${web}` },
    { name: 'workshop', want: 'workshop' },
    { name: 'block-10.0.0.1', want: `block-${at('10.0.0.1')}` },
  ])('identifier $name', ({ name, want }) => {
    expect(words.identifier(name)).toBe(want);
  });

  test.each([
    { comment: 'masquerade', want: 'masquerade' },
    { comment: 'shop/web-api:http', want: `${shop}/${web}:http` },
    { comment: 'shop/web-api has no endpoints', want: `${shop}/${web} has no endpoints` },
    {
      comment: 'masquerade traffic for shop/web-api:http external destinations',
      want: `masquerade traffic for ${shop}/${web}:http external destinations`,
    },
    { comment: 'shop/web-api:http -> 10.0.0.1:80', want: `${shop}/${web}:http -> ${at('10.0.0.1')}:80` },
  ])('comment $comment', ({ comment, want }) => {
    expect(words.comment(comment)).toBe(want);
  });

  test('a comment that nft takes stays one, whatever is in it', () => {
    const endpoint = `[fd00::1]:80`;
    const long = `${'n'.repeat(50)}/${'s'.repeat(56)}:p -> ${endpoint}`;
    expect(long.length).toBeLessThanOrEqual(128);
    expect(words.comment(long).length).toBeLessThanOrEqual(128);
  });

  test('of other comments only that they are the same', () => {
    const redacted = words.comment('for Alice, ticket 4711');
    expect(redacted).toMatch(/^redacted [a-z2-7]{8}$/);
    expect(words.comment('for Alice, ticket 4711')).toBe(redacted);
    expect(words.comment('for Bob')).not.toBe(redacted);
  });

  test.each([
    { text: 'src=10.0.0.1 dst=fd00::1 sport=1', want: `src=${at('10.0.0.1')} dst=${at('fd00::1')} sport=1` },
    { text: '0.0.0.0:22 [::]:22 10.0.0.1%eth0:68', want: `0.0.0.0:22 [::]:22 ${at('10.0.0.1')}%eth0:68` },
    { text: '02:00:00:00:00:01 at 12:34:56', want: `${at('02:00:00:00:00:01')} at 12:34:56` },
    { text: 'enx020000000001', want: `enx${at('02:00:00:00:00:01')?.replaceAll(':', '')}` },
    {
      text: '8000.2:0:0:0:0:1',
      want: `8000.${at('02:00:00:00:00:01')
        ?.split(':')
        .map((part) => Number.parseInt(part, 16).toString(16))
        .join(':')}`,
    },
    { text: 'version 1.2.3 and 6.18.44-fc', want: 'version 1.2.3 and 6.18.44-fc' },
    { text: '10.0.0.1/80', want: `${at('10.0.0.1')}/80` },
  ])('addresses in $text', ({ text, want }) => {
    expect(words.scrub(text)).toBe(want);
  });
});
