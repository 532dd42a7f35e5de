/** What no kernel was asked about: the one list behind docs/conformance.md and the notes in traces. */
import type { Rule } from '../nft/model';
import type { Link } from '../world/world';
import type { Skb } from './skb';
import type { Unmeasured } from './trace';

interface Entry {
  readonly code: string;
  /** What it is, in nft's words. */
  readonly what: string;
  /** What a trace does about it. */
  readonly does: string;
}

/** The kernel that traces are held against lacks these, or nothing that the laboratory sends shows them. */
export const NOT_MEASURED = [
  {
    code: 'flow',
    what: '`flow add` and flow tables',
    does: 'goes on behind the statement; later packets of the flow are traced as though none were offloaded',
  },
  {
    code: 'queue',
    what: '`queue`',
    does: 'undecided, with and without `bypass`: what a program answers is not in a capture',
  },
  {
    code: 'bridge-meta',
    what: '`meta ibrname`, `obrname`, `ibriifname`',
    does: 'the bridge of the port, by the documentation',
  },
  {
    code: 'bridge-ct',
    what: '`ct` in bridge chains',
    does: 'undecided or without an entry, as `nf_conntrack_bridge` is not loaded',
  },
  { code: 'bridge-reject', what: '`reject` in bridge and netdev chains', does: 'undecided' },
  {
    code: 'secmark',
    what: '`secmark`, `meta secmark set`',
    does: 'changes nothing that a verdict depends on',
  },
  { code: 'vrf', what: '`meta sdif`, `sdifname`, VRF devices', does: 'as though there were no VRF' },
  {
    code: 'vlan',
    what: 'frames with a VLAN tag',
    does: 'a tagged frame ends where no device takes it; `vlan` fields are read from the frame',
  },
  {
    code: 'device',
    what: 'devices other than Ethernet, veth, bridges and loopback (VLAN, dummy, tunnels, …)',
    does: 'carry packets as they are: what the device makes of them is not traced',
  },
  { code: 'osf', what: '`osf`', does: 'undecided' },
  { code: 'ipsec', what: '`ipsec`, `tunnel`', does: 'as though the packet came through none' },
  {
    code: 'helper',
    what: '`ct helper`: the connections it expects',
    does: 'not made: `related` comes from ICMP errors, and from entries of the capture',
  },
  {
    code: 'synproxy-ip6',
    what: '`synproxy` in IPv6',
    does: 'drops, as Linux 6.18 does: its test of the checksum is that of IPv4',
  },
] as const satisfies readonly Entry[];

type Code = (typeof NOT_MEASURED)[number]['code'];

const NOTES = new Map<Code, Unmeasured>(
  NOT_MEASURED.map(({ code, what, does }) => [code, { code, say: `${what}: ${does}`.replaceAll('`', '') }]),
);

function note(code: Code): Unmeasured {
  const found = NOTES.get(code);
  if (found === undefined) throw new Error(`there is no entry ${code}`);
  return found;
}

const META: { readonly [key: string]: Code } = {
  ibrname: 'bridge-meta',
  obrname: 'bridge-meta',
  ibriifname: 'bridge-meta',
  obriifname: 'bridge-meta',
  secmark: 'secmark',
  sdif: 'vrf',
  sdifname: 'vrf',
};
const KINDS: { readonly [kind: string]: Code } = {
  flow: 'flow',
  queue: 'queue',
  osf: 'osf',
  ipsec: 'ipsec',
  tunnel: 'ipsec',
  synproxy: 'synproxy-ip6',
};
const OBJECTS: { readonly [object: string]: Code } = {
  'ct helper': 'helper',
  secmark: 'secmark',
  tunnel: 'ipsec',
  synproxy: 'synproxy-ip6',
};

function* codesIn(node: unknown, family: string): Generator<Code> {
  if (Array.isArray(node)) {
    for (const part of node) yield* codesIn(part, family);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const { kind, key, object } = node as { readonly kind?: unknown; readonly key?: unknown; readonly object?: unknown };
  // Elements are constants.
  if (kind === 'set') return;
  const code =
    kind === 'meta'
      ? META[String(key)]
      : kind === 'object'
        ? OBJECTS[String(object)]
        : kind === 'ct' && family === 'bridge'
          ? 'bridge-ct'
          : kind === 'payload' && (node as { readonly protocol?: unknown }).protocol === 'vlan'
            ? 'vlan'
            : KINDS[String(kind)];
  if (code !== undefined) yield code;
  for (const part of Object.values(node)) yield* codesIn(part, family);
}

/** What a rule rests on that no kernel was asked about; undefined for almost every rule. */
export function unmeasuredIn(rule: Rule, family: string): readonly Unmeasured[] | undefined {
  const codes = new Set(codesIn(rule.statements, family));
  return codes.size === 0 ? undefined : [...codes].map(note);
}

/** The notes of a rule for a packet. */
export function notesFor(notes: readonly Unmeasured[], skb: Skb): { readonly notMeasured?: readonly Unmeasured[] } {
  const kept = skb.family === 'ip6' ? notes : notes.filter(({ code }) => code !== 'synproxy-ip6');
  return kept.length === 0 ? {} : { notMeasured: kept };
}

/** Kinds of links that the laboratory has; a device of the machine itself has none. */
const LINKS: ReadonlySet<string> = new Set(['veth', 'bridge']);

/** The note of a packet that comes or leaves by a device of another kind. */
export function unmeasuredDevice({ kind }: Link): { readonly notMeasured?: readonly Unmeasured[] } {
  if (kind === undefined || LINKS.has(kind)) return {};
  return { notMeasured: [note(kind === 'vrf' ? 'vrf' : 'device')] };
}

/** The note of a frame with a VLAN tag that ends here. */
export const UNMEASURED_TAG: readonly Unmeasured[] = [note('vlan')];
