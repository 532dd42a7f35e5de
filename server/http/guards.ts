/**
 * Who may ask: only pages of this server itself. A page of another site cannot read captures or upload one, neither by
 * asking directly (Origin) nor by a name that it lets point to this address (Host: DNS rebinding).
 */
import 'server-only';
import { hostname, networkInterfaces } from 'node:os';
import type { Problem } from '@/lib/net/result';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The host without its port; undefined where it is none. */
function nameOf(host: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase();
}

/** @param configured the address that the server was told to listen on */
export function isOwnHost(host: string | null, configured = process.env.HOSTNAME): boolean {
  const name = host === null ? undefined : nameOf(host);
  if (name === undefined) return false;
  if (LOOPBACK.has(name)) return true;
  if (configured === undefined || configured === '') return false;
  const wanted = configured.includes(':') ? `[${configured.replace(/^\[|\]$/g, '')}]` : configured.toLowerCase();
  // Listening on every address: each of them, and the machine's name, is its own.
  return wanted === '0.0.0.0' || wanted === '[::]' ? ownNames().has(name) : name === wanted;
}

function ownNames(): ReadonlySet<string> {
  const names = new Set([hostname().toLowerCase()]);
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family } of addresses ?? []) names.add(family === 'IPv6' ? `[${address}]` : address);
  }
  return names;
}

/**
 * A Host without port is that of the scheme (RFC 9110, 4.2): 80, or 443 where something before this server speaks TLS. With any
 * other port it may be this server's, forwarded.
 */
function isOwnPort(host: string | null, headers: Headers): boolean {
  if (host === null || /:\d+$/.test(host)) return true;
  const isTls = headers.get('x-forwarded-proto') === 'https' || headers.get('origin') === `https://${host}`;
  return isTls || process.env.PORT === '80';
}

/** Undefined when the request may be answered. */
export function refusal(headers: Headers): Problem | undefined {
  const host = headers.get('host');
  if (!isOwnHost(host) || !isOwnPort(host, headers)) {
    return {
      code: 'HTTP-403',
      say: 'This request names another host than this server.',
      do: 'Open nftscope by the address it printed when it started. For another address start it with --host.',
    };
  }
  const origin = headers.get('origin');
  const isOwn = origin === null || origin === `http://${host}` || origin === `https://${host}`;
  const isCrossSite = headers.get('sec-fetch-site') === 'cross-site' && headers.get('sec-fetch-mode') !== 'navigate';
  if (isOwn && !isCrossSite) return undefined;
  return {
    code: 'HTTP-403',
    say: 'This request comes from a page of another site.',
    do: 'Only pages of nftscope itself may ask it.',
  };
}
