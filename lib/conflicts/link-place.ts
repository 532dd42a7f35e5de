/** Hooks outside of IPv4 and IPv6: those of bridges, of ARP, and of each device. */

import type { Hook } from '../nft/model';
import type { Prepared } from '../sim/environment';
import type { HookEntry, ProgramChain } from '../sim/program';
import { moves, type Passing } from './order';

export type LinkPlace =
  | { readonly family: 'bridge' | 'arp'; readonly hook: Hook; readonly device?: undefined }
  | { readonly family: 'netdev'; readonly hook: 'ingress' | 'egress'; readonly device: string };

const BRIDGE_HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];
/** nft(8), "ADDRESS FAMILIES": arp has input and output. */
const ARP_HOOKS: readonly Hook[] = ['input', 'output'];

/** Where chains could meet on this node. Devices that no chain is bound to are left out. */
export function linkPlaces(p: Prepared): readonly LinkPlace[] {
  const places: LinkPlace[] = [
    ...(p.program.has('bridge') ? BRIDGE_HOOKS.map((hook) => ({ family: 'bridge', hook }) as const) : []),
    ...(p.program.has('arp') ? ARP_HOOKS.map((hook) => ({ family: 'arp', hook }) as const) : []),
  ];
  for (const device of p.linkByName.keys())
    for (const hook of ['ingress', 'egress'] as const) places.push({ family: 'netdev', hook, device });
  return places.filter((place) => linkChainsAt(p, place).length > 1);
}

/** In the order in which they run. A chain whose devices the listing does not say is at none for certain. */
export function linkChainsAt(p: Prepared, place: LinkPlace): readonly ProgramChain[] {
  if (place.family === 'netdev')
    return p.program.atDevice(place.hook, place.device).filter(({ base }) => (base?.devices.length ?? 0) > 0);
  return entriesAt(p, place).map(({ chain }) => chain);
}

type ChainEntry = Extract<HookEntry, { kind: 'chain' }>;

const entriesAt = (p: Prepared, { family, hook }: Exclude<LinkPlace, { family: 'netdev' }>): readonly ChainEntry[] =>
  p.program.hook(family, hook).filter((entry) => entry.kind === 'chain');

/** The same world with only these chains at the place, in this order. */
export function withChains(p: Prepared, place: LinkPlace, chains: readonly ProgramChain[]): Prepared {
  if (place.family === 'netdev') return { ...p, program: p.program.withDeviceOrder(place.hook, place.device, chains) };
  return { ...p, program: p.program.withOrder(place.family, place.hook, reordered(entriesAt(p, place), chains)) };
}

/** Chains of a bridge run before or after the IP hooks by their priority: the places stay, the chains in them change. */
function reordered(entries: readonly ChainEntry[], chains: readonly ProgramChain[]): readonly HookEntry[] {
  const places = entries.length === chains.length ? entries : entries.filter(({ chain }) => chains.includes(chain));
  return chains.flatMap((chain, i) => {
    const at = places[i];
    return at === undefined ? [] : [{ ...at, chain }];
  });
}

/** The worlds in which two chains have changed places. */
export function linkPassings(
  p: Prepared,
  place: LinkPlace,
  first: ProgramChain,
  second: ProgramChain,
): readonly Passing[] {
  const chains = linkChainsAt(p, place);
  return moves(chains, chains.indexOf(first), chains.indexOf(second)).map(([control, passed]) => ({
    control: control && withChains(p, place, control),
    passed: withChains(p, place, passed),
  }));
}
