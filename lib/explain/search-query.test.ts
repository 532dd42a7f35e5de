import { describe, expect, test } from 'vitest';
import { parsePorts, parseQuery } from './search-query';

describe('parseQuery', () => {
  test.each([
    ['', []],
    ['drop', [{ key: null, value: 'drop' }]],
    [
      'ip:10.96.0.10 verdict:drop',
      [
        { key: 'ip', value: '10.96.0.10' },
        { key: 'verdict', value: 'drop' },
      ],
    ],
    ['10.96.0.0/12', [{ key: 'ip', value: '10.96.0.0/12' }]],
    ['fd00::1', [{ key: 'ip', value: 'fd00::1' }]],
    ['IP:fd00::1', [{ key: 'ip', value: 'fd00::1' }]],
    ['port:30000-32767', [{ key: 'port', value: '30000-32767' }]],
    ['service:shop/api:http', [{ key: 'service', value: 'shop/api:http' }]],
    ['shop/api:http', [{ key: null, value: 'shop/api:http' }]],
    [
      '"drop traffic to" ns:shop',
      [
        { key: null, value: 'drop traffic to' },
        { key: 'ns', value: 'shop' },
      ],
    ],
    // Still being typed.
    ['ip: drop', [{ key: null, value: 'drop' }]],
    ['service:', []],
  ])('%s', (query, terms) => {
    expect(parseQuery(query)).toEqual({ terms, problems: [] });
  });

  test.each([
    ['foo:bar', 'SEARCH-001'],
    ['ip:shop', 'SEARCH-002'],
    ['ip:10.0.0.0/33', 'SEARCH-002'],
    ['port:http', 'SEARCH-003'],
    ['port:70000', 'SEARCH-003'],
    ['port:90-80', 'SEARCH-003'],
    ['verdict:dropped', 'SEARCH-004'],
  ])('%s is a problem', (query, code) => {
    const { terms, problems } = parseQuery(`${query} drop`);
    expect(problems.map((p) => p.code)).toEqual([code]);
    expect(terms).toEqual([{ key: null, value: 'drop' }]);
  });
});

test('parsePorts', () => {
  expect(parsePorts('80')).toEqual([80, 80]);
  expect(parsePorts('0-65535')).toEqual([0, 65535]);
  expect(parsePorts('65536')).toBeUndefined();
  expect(parsePorts('-1')).toBeUndefined();
});
