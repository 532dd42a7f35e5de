/** Named objects and flowtables. */
import type { Flowtable, Integer, Json, NamedObject } from '../nft/model';
import type { RenderContext } from './context';
import { formatDecimal, formatRaw, quote } from './literal';
import { formatPriority } from './priority';
import { limitText } from './render-stateful';
import { formatBytes, formatMilliseconds, formatSeconds } from './units';

/** The lines between the braces, without indentation, the comment first. */
export function objectLines(object: NamedObject, ctx: RenderContext): readonly string[] {
  const lines = bodyLines(object, ctx);
  return object.comment === undefined ? lines : [`comment ${quote(object.comment)}`, ...lines];
}

function bodyLines(object: NamedObject, ctx: RenderContext): readonly string[] {
  switch (object.kind) {
    case 'counter':
      return [`packets ${formatDecimal(object.packets)} bytes ${formatDecimal(object.bytes)}`];
    case 'quota':
      return [`${object.over ? 'over ' : ''}${formatBytes(object.bytes)}${usedText(object.used)}`];
    case 'limit':
      // A named limit hides the default burst in every version.
      return [limitText(object, true)];
    case 'ct helper':
      return [`type ${quote(object.type)} protocol ${object.protocol}`, ...l3protoLine(object.l3proto)];
    case 'ct timeout':
      return [
        `protocol ${object.protocol}`,
        ...l3protoLine(object.l3proto),
        `policy = { ${object.policy.map((state) => timeoutText(state, ctx)).join(', ')} }`,
      ];
    case 'ct expectation':
      return [
        `protocol ${object.protocol}`,
        `dport ${object.dport}`,
        `timeout ${formatMilliseconds(object.timeout)}`,
        `size ${object.size}`,
        ...l3protoLine(object.l3proto),
      ];
    case 'secmark':
      return [quote(object.context)];
    case 'synproxy':
      return synproxyLines(object.mss, object.wscale, object.flags);
    case 'tunnel':
      return tunnelLines(object.members);
    case 'unsupported':
      return [formatRaw(object.raw)];
  }
}

const usedText = (used: Integer): string => (BigInt(used) === 0n ? '' : ` used ${formatBytes(used)}`);

const l3protoLine = (l3proto: string | undefined): readonly string[] =>
  l3proto === undefined ? [] : [`l3proto ${l3proto}`];

function timeoutText([state, seconds]: readonly [string, number], ctx: RenderContext): string {
  return `${state} : ${ctx.dialect.timeoutAsDuration ? formatSeconds(seconds) : seconds}`;
}

function synproxyLines(
  mss: number | undefined,
  wscale: number | undefined,
  flags: readonly string[],
): readonly string[] {
  const lines: string[] = [];
  if (mss !== undefined) lines.push(`mss ${mss}`);
  if (wscale !== undefined) lines.push(`wscale ${wscale}`);
  // Each flag after the first place has a space before it, the first one too where timestamp is absent.
  const timestamp = flags.includes('timestamp') ? 'timestamp' : '';
  const sackPerm = flags.includes('sack-perm') ? ' sack-perm' : '';
  if (flags.length > 0) lines.push(`${timestamp}${sackPerm}`);
  return lines;
}

/** Members of a tunnel's JSON and their words in text, in nft's order; those with a zero that is not shown. */
const TUNNEL_MEMBERS: readonly (readonly [string, string, 'always' | 'non-zero'])[] = [
  ['id', 'id', 'always'],
  ['src-ipv4', 'ip saddr', 'always'],
  ['dst-ipv4', 'ip daddr', 'always'],
  ['src-ipv6', 'ip6 saddr', 'always'],
  ['dst-ipv6', 'ip6 daddr', 'always'],
  ['sport', 'sport', 'non-zero'],
  ['dport', 'dport', 'non-zero'],
  ['tos', 'tos', 'non-zero'],
  ['ttl', 'ttl', 'non-zero'],
];

function tunnelLines(members: Readonly<Record<string, Json>>): readonly string[] {
  const lines: string[] = [];
  for (const [member, word, shown] of TUNNEL_MEMBERS) {
    const value = members[member];
    if (value === undefined || (value === 0 && shown === 'non-zero')) continue;
    lines.push(`${word} ${String(value)}`);
  }
  const { type, tunnel } = members;
  // nft 1.1.7 closes the braces of the inner options although it did not open them.
  if (typeof type !== 'string') return [...lines, '}'];
  const inner = typeof tunnel === 'object' && tunnel !== null && !Array.isArray(tunnel) ? Object.entries(tunnel) : [];
  return [...lines, `${type} {`, ...inner.map(([key, value]) => `\t${key} ${String(value)}`), '}'];
}

/** The lines between the braces of a flowtable, without indentation. */
export function flowtableLines(flowtable: Flowtable, ctx: RenderContext): readonly string[] {
  const { hook, prio, devices, flags, counter } = flowtable;
  const lines: string[] = [];
  if (hook !== undefined && prio !== undefined) {
    lines.push(`hook ${hook} priority ${formatPriority(prio, ctx.family, hook, ctx.dialect)}`);
  }
  if (devices.length > 0) lines.push(`devices = { ${deviceList(devices, ctx)} }`);
  if (flags.length > 0) lines.push(`flags ${flags.join(',')}`);
  if (counter === true) lines.push('counter');
  return lines;
}

/** `eth0, lo`, in quotes from 1.1.4 on. */
export function deviceList(devices: readonly string[], ctx: RenderContext): string {
  return (ctx.dialect.quotedDevices ? devices.map(quote) : devices).join(', ');
}
