import { describe, expect, test } from 'vitest';
import { fitName, serviceNamespace, splitName } from './chain-name';

const NAME = 'service-WEZGB4Y6-shop/api/tcp/http';

describe('splitName', () => {
  test.each([
    [NAME, ['service-', 'WEZGB4Y6-', 'shop/api/tcp/http']],
    [
      'affinity-U7QOFPHO-monitoring/s/udp/s__10.244.1.7/8125',
      ['affinity-', 'U7QOFPHO-', 'monitoring/s/udp/s__10.244.1.7/8125'],
    ],
    ['service-ips', ['', '', 'service-ips']],
    ['firewall-check', ['', '', 'firewall-check']],
    ['service-wezgb4y6-shop/api', ['', '', 'service-wezgb4y6-shop/api']],
    ['', ['', '', '']],
  ])('%s', (name, [prefix, hash, meaning]) => {
    expect(splitName(name)).toEqual({ prefix, hash, meaning });
  });
});

describe('fitName', () => {
  const fitted = (max: number) => Object.values(fitName(NAME, max)).join('');
  test.each([
    [34, NAME],
    [33, 'service-…shop/api/tcp/http'],
    [26, 'service-…shop/api/tcp/http'],
    [25, '…shop/api/tcp/http'],
    [18, '…shop/api/tcp/http'],
    [10, '…/tcp/http'],
  ])('%d characters', (max, want) => {
    expect(fitted(max)).toBe(want);
  });
  test('the end of a foreign name stays', () => {
    expect(Object.values(fitName('cali-tw-cali0123456789a', 9)).join('')).toBe('…3456789a');
    expect(fitName('services', 8).meaning).toBe('services');
  });
});

test('serviceNamespace', () => {
  expect(serviceNamespace(NAME)).toBe('shop');
  expect(serviceNamespace('services')).toBeUndefined();
});
