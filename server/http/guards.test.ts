import { hostname } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { isOwnHost, refusal } from './guards';

test.each([
  ['localhost:3000', undefined, true],
  ['localhost', undefined, true],
  ['127.0.0.1:3000', undefined, true],
  ['[::1]:3000', undefined, true],
  ['LOCALHOST:80', undefined, true],
  ['127.0.0.1.evil.example:3000', undefined, false],
  ['evil.example', undefined, false],
  ['localhost@evil.example', undefined, false],
  ['', undefined, false],
  [null, undefined, false],
  ['scope.example:8080', 'scope.example', true],
  ['10.0.0.5:8080', '10.0.0.5', true],
  ['[fd00::5]:8080', 'fd00::5', true],
  ['10.0.0.6:8080', '10.0.0.5', false],
  [`${hostname()}:3000`, '0.0.0.0', true],
  ['evil.example:3000', '0.0.0.0', false],
  ['evil.example:3000', '::', false],
])('Host %s of a server on %s: %s', (host, configured, want) => {
  expect(isOwnHost(host, configured ?? '')).toBe(want);
});

afterEach(() => vi.unstubAllEnvs());

test.each([
  { name: 'no Origin', headers: { host: 'localhost:3000' }, ok: true },
  { name: 'its own', headers: { host: 'localhost:3000', origin: 'http://localhost:3000' }, ok: true },
  { name: 'its own behind TLS', headers: { host: 'localhost', origin: 'https://localhost' }, ok: true },
  {
    name: 'another port of this machine',
    headers: { host: 'localhost:3000', origin: 'http://localhost:8080' },
    ok: false,
  },
  { name: 'another site', headers: { host: 'localhost:3000', origin: 'http://evil.example' }, ok: false },
  { name: 'a sandboxed page', headers: { host: 'localhost:3000', origin: 'null' }, ok: false },
  {
    name: 'another site without Origin',
    headers: { host: 'localhost:3000', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    ok: false,
  },
  {
    name: 'a link on another site',
    headers: { host: 'localhost:3000', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
    ok: true,
  },
  { name: 'a rebound name', headers: { host: 'evil.example', origin: 'http://evil.example' }, ok: false },
])('$name', ({ headers, ok }) => {
  vi.stubEnv('HOSTNAME', '127.0.0.1');
  expect(refusal(new Headers(headers))?.code).toBe(ok ? undefined : 'HTTP-403');
});

test.each([
  ['3000', { host: 'localhost' }, false],
  ['3000', { host: '127.0.0.1' }, false],
  ['3000', { host: '[::1]' }, false],
  ['3000', { host: '[::1]:3000' }, true],
  // kubectl port-forward 8080:3000, ssh -L 8080:localhost:3000
  ['3000', { host: 'localhost:8080' }, true],
  ['80', { host: 'localhost' }, true],
  ['80', { host: '[::1]' }, true],
  ['3000', { host: 'localhost', 'x-forwarded-proto': 'https' }, true],
  ['3000', { host: 'localhost', 'x-forwarded-proto': 'http' }, false],
  ['3000', { host: 'localhost', origin: 'http://localhost' }, false],
])('a server on port %s, asked with %j: %s', (port, headers, ok) => {
  vi.stubEnv('HOSTNAME', '127.0.0.1');
  vi.stubEnv('PORT', port);
  expect(refusal(new Headers(headers))?.code).toBe(ok ? undefined : 'HTTP-403');
});
