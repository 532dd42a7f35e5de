import { expect, test } from 'vitest';
import { redactIpOutput, redactObjects } from './redact-objects';
import { renamingOf, wordsOf } from './testing/renamings';

const words = wordsOf(renamingOf('secret'));

test.each(['from', 'to'])(
  'peers of a kind that is not known lose their words (%s), others stay what they are',
  (side) => {
    const peers = [
      { podSelector: { matchLabels: { app: 'web' } } },
      { ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.7/32'] } },
      { gossip: { a: 'partner' } },
      { namespaceSelector: {}, gossip: 'partner' },
    ];
    const spec = { podSelector: {}, [side === 'from' ? 'ingress' : 'egress']: [{ [side]: peers }] };
    const list = { items: [{ metadata: { namespace: 'shop', name: 'p' }, spec }] };
    const redacted = redactObjects(list, words) as {
      items: { spec: Record<string, { [name: string]: object[] }[]> }[];
    };
    const rules = redacted.items[0]?.spec[side === 'from' ? 'ingress' : 'egress'];
    const found = rules?.[0]?.[side] ?? [];
    expect(found.map((one) => Object.keys(one))).toEqual([
      ['podSelector'],
      ['ipBlock'],
      ['redacted'],
      ['namespaceSelector', 'redacted'],
    ]);
    expect(found[1]).toEqual({
      ipBlock: { cidr: words.network('203.0.113.0', '24'), except: [words.network('203.0.113.7', '32')] },
    });
    expect(JSON.stringify(redacted)).not.toMatch(/gossip|partner/);
  },
);

test('members that selectors and blocks of addresses do not have are left out, and so are words that are none of theirs', () => {
  const selector = {
    matchLabels: { app: 'web' },
    matchExpressions: [{ key: 'app', operator: 'partner', values: [], gossip: 'partner' }],
    gossip: 'partner',
  };
  const from = [{ podSelector: selector }, { ipBlock: { cidr: '203.0.113.0/24', gossip: 'partner' } }];
  const spec = { podSelector: {}, policyTypes: ['Ingress', 'partner'], ingress: [{ from }] };
  const redacted = JSON.stringify(
    redactObjects({ items: [{ metadata: { namespace: 'shop', name: 'p' }, spec }] }, words),
  );
  expect(redacted).not.toMatch(/gossip|partner/);
  expect(redacted).toContain('"policyTypes":["Ingress","redacted"]');
});

test('of the label of an address the interface stays; ids of ports do not', () => {
  const link = {
    ifname: 'eth0',
    phys_port_id: '02aabbccdd03',
    addr_info: [{ label: 'eth0:partner' }, { label: 'eth0' }],
  };
  expect(redactIpOutput([link], words)).toEqual([
    { ifname: 'eth0', addr_info: [{ label: 'eth0' }, { label: 'eth0' }] },
  ]);
});
