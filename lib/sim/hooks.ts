/** Hooks: every chain and every part of the kernel that sits on one, in order. */
import { formatAddress } from '../net/address';
import { u32 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { Hook } from '../nft/model';
import { confirm, conntrackIn } from './conntrack';
import { STATUS } from './conntrack-state';
import type { Run } from './environment';
import { type ChainVerdict, evaluateChain } from './evaluate-chain';
import { addressType4, isLinkLocal6, isMulticast6 } from './fib';
import { flowOf } from './flow';
import { defragmentForTracking } from './fragments';
import { passIpvs } from './ipvs';
import { isBound, manipOf, natIcmpError, natPacket, nullBinding } from './nat';
import type { HookEntry, ProgramChain } from './program';
import { routeOutput } from './route-output';
import { formatRoute } from './routing';
import {
  destinationOf,
  headerSumWrong,
  markVerified,
  type Skb,
  sourceOf,
  tosOf,
  transportChecksumWrong,
  ttlOf,
} from './skb';
import { routingMark } from './unknown-mark';

/** `accept`: goes on. Anything else ended the packet here. */
export type HookResult = 'accept' | 'drop' | 'stolen';

export function kernel(run: Run, skb: Skb, code: string, say: string, ends = true): void {
  run.steps?.push({ kind: 'kernel', skb: skb.id, code, say, ends });
}

function ended(run: Run, skb: Skb, verdict: ChainVerdict): HookResult {
  if (verdict.kind === 'accept') return 'accept';
  if (skb.id === 0 && run.fate.by === undefined) run.fate.by = verdict.by;
  return verdict.kind;
}

/** A base chain of a table that may be dormant decides nothing that can be known, unless it accepts whatever comes. */
function evaluateBase(run: Run, skb: Skb, chain: ProgramChain, hook: Hook): ChainVerdict {
  const isIdle = chain.rules.length === 0 && chain.base?.policy !== 'drop';
  if (chain.table.isPerhapsDormant && !isIdle) dormancyUnknown(run, chain);
  return evaluateChain(run, skb, chain, hook);
}

const ICMP_REDIRECT = 5;

function natHook(run: Run, skb: Skb, hook: Hook, entry: Extract<HookEntry, { kind: 'nat' }>): HookResult {
  const { ct } = skb;
  if (ct === undefined || skb.family === 'arp') return 'accept';
  if (entry.perhaps !== undefined && (ct.status & (STATUS.srcNat | STATUS.dstNat)) !== 0)
    dormancyUnknown(run, entry.perhaps);
  const manip = manipOf(hook);
  const { l4proto } = skb.headers;
  // Whatever its type is by now (nf_nat_ipv4_fn, nf_nat_ipv6_fn).
  if (skb.ctState === 'related' && l4proto === (skb.family === 'ip' ? PROTO.icmp : PROTO.icmpv6)) {
    // An error whose checksum does not fit goes no further; in IPv4 the header's belongs to it (nf_nat_icmp_reply_translation). What
    // was found right once is asked again at prerouting and input only (nf_ip_checksum, nf_ip6_checksum).
    if (skb.settledRight !== true && (skb.verified === undefined || hook === 'prerouting' || hook === 'input')) {
      const again = skb.verified !== undefined;
      const header = skb.family === 'ip' && skb.verified === undefined && headerSumWrong(skb);
      if (header || transportChecksumWrong(skb)) {
        kernel(run, skb, 'nat-checksum', 'The checksum of the ICMP error is wrong: the kernel drops it.');
        return 'drop';
      }
      markVerified(skb);
      if (again) skb.settledRight = true;
    }
    const translated = (ct.status & (STATUS.srcNat | STATUS.dstNat)) !== 0;
    const done = isBound(ct, 'src') && isBound(ct, 'dst');
    if (l4proto === PROTO.icmp && skb.data[skb.headers.thoff] === ICMP_REDIRECT && (translated || !done)) {
      kernel(run, skb, 'nat-redirect', 'An ICMP redirect about a translated connection is dropped.');
      return 'drop';
    }
    natIcmpError(run, skb, ct, hook);
    return 'accept';
  }
  let by: Parameters<typeof natPacket>[4] = 'entry';
  if ((skb.ctState === 'new' || skb.ctState === 'related') && !isBound(ct, manip)) {
    for (const chain of entry.chains) {
      const verdict = evaluateBase(run, skb, chain, hook);
      const result = ended(run, skb, verdict);
      if (result !== 'accept') return result;
      if (isBound(ct, manip)) {
        by = { family: chain.table.family, table: chain.table.name, chain: chain.chain.name, handle: 0, index: 0 };
        const last = run.steps?.findLast((s) => s.kind === 'rule' && s.skb === skb.id);
        if (last?.kind === 'rule') by = last.at;
        break;
      }
    }
    if (!isBound(ct, manip)) nullBinding(run, ct, hook);
  } else if (hook === 'postrouting' && skb.ctDir === 'original' && (ct.natOif ?? skb.oif?.name) !== skb.oif?.name) {
    // nf_nat_oif_changed(): what masqueraded belongs to the address of the device it left by first.
    run.state.ct.remove(ct);
    kernel(
      run,
      skb,
      'masquerade-device',
      `The connection was masqueraded on ${ct.natOif} and would now leave by ${skb.oif?.name}: the kernel forgets it and drops the packet.`,
    );
    return 'drop';
  }
  if (!natPacket(run, skb, ct, hook, by)) {
    kernel(run, skb, 'nat-impossible', 'The kernel cannot translate this protocol and drops the packet.');
    return 'drop';
  }
  return 'accept';
}

/** Runs everything at a hook. `from`: entries of lower priority are left out, as after defragmentation or bridge callbacks. */
export function runHook(
  run: Run,
  skb: Skb,
  hook: Hook,
  family: 'ip' | 'ip6' | 'arp' | 'bridge',
  keep?: (prio: number) => boolean,
): HookResult {
  for (const entry of run.p.program.hook(family, hook)) {
    if (keep !== undefined && !keep(entry.prio)) continue;
    switch (entry.kind) {
      case 'chain': {
        const routes = entry.chain.base?.type === 'route' && hook === 'output';
        const before = routes ? routeKey(skb) : '';
        const verdict = evaluateBase(run, skb, entry.chain, hook);
        if (routes && verdict.kind === 'accept' && (skb.markUnknown !== undefined || routeKey(skb) !== before))
          if (!reroute(run, skb)) return 'drop';
        const result = ended(run, skb, verdict);
        if (result !== 'accept') return result;
        break;
      }
      case 'defrag':
        if (!defragmentForTracking(run, skb, hook)) return 'stolen';
        break;
      case 'conntrack':
        if ((hook === 'prerouting' || hook === 'output') && !conntrackIn(run, skb, hook)) {
          kernel(run, skb, 'conntrack-full', 'The connection table is full: the kernel drops the packet.');
          return 'drop';
        }
        break;
      case 'nat': {
        const before = destinationOf(skb);
        const result = natHook(run, skb, hook, entry);
        if (result !== 'accept') return result;
        if (hook === 'prerouting' && destinationOf(skb) !== before) skb.dst = undefined;
        if (hook === 'output' && isRedirected(skb) && !reroute(run, skb)) return 'drop';
        break;
      }
      case 'legacy':
        if (entry.table !== 'nat' || skb.ctState === 'new')
          legacyUnknown(run, family === 'ip6' ? 'ip6' : 'ip', entry.table, hook);
        break;
      case 'ipvs':
        passIpvs(run, skb, hook);
        break;
      case 'confirm':
        if (!confirm(run, skb)) {
          kernel(run, skb, 'conntrack-clash', 'Another connection took the same tuple first.');
          return 'drop';
        }
        break;
    }
  }
  return 'accept';
}

/** What a `type route` chain may change so that the route is chosen again (nf_route_table_hook4, nf_route_table_hook6). */
function routeKey(skb: Skb): string {
  const first = skb.family === 'ip6' ? `${u32(skb.data, 0)} ${ttlOf(skb)}` : tosOf(skb);
  return `${sourceOf(skb)} ${destinationOf(skb)} ${skb.mark} ${first}`;
}

const isSource = (run: Run, addr: number): boolean => [1, 2].includes(addressType4({ run }, addr, undefined) ?? 0);

/** At output the connection says whether a packet is routed again, whatever rules wrote (nf_nat_ipv4_local_fn, nf_nat_ipv6_local_fn). */
function isRedirected({ ct, ctDir }: Skb): boolean {
  return ct !== undefined && ct[ctDir].dst !== ct[ctDir === 'original' ? 'reply' : 'original'].src;
}

/**
 * ip_route_me_harder(): chooses the route again; the device that later chains of this hook see stays. False where there is none: the
 * hook drops the packet (nf_nat_ipv4_local_fn, nf_route_table_hook4: NF_DROP_ERR).
 */
function reroute(run: Run, skb: Skb): boolean {
  if (skb.family === 'arp') return true;
  const daddr = destinationOf(skb);
  const found = routeOutput(run, {
    family: skb.family,
    daddr,
    // A source that is neither local nor unicast is chosen anew.
    saddr: typeof daddr === 'number' && !isSource(run, Number(sourceOf(skb))) ? undefined : sourceOf(skb),
    mark: routingMark(run, skb),
    tos: tosOf(skb),
    anySource: true,
    uid: skb.sk?.uid ?? 0,
    ...flowOf(run, skb),
    ...(typeof daddr === 'bigint' && (isLinkLocal6(daddr) || isMulticast6(daddr)) ? { oif: skb.oif?.name } : {}),
  });
  const route = found.kind === 'found' ? found.route : undefined;
  skb.dst = route;
  if (found.kind === 'failed' && skb.id === 0) run.fate.sendErrno = found.errno;
  if (route === undefined) {
    kernel(run, skb, 'no-route', `There is no route to ${formatAddress(daddr)}.`);
    return false;
  }
  run.steps?.push({
    kind: 'route',
    skb: skb.id,
    to: 'output',
    oif: route.dev?.name,
    nexthop: route.gateway === undefined ? undefined : formatAddress(route.gateway),
    table: route.table,
    route: formatRoute(route),
    say: 'routed again',
  });
  return true;
}

/** Chains at ingress or egress of a device. */
export function runDeviceHook(run: Run, skb: Skb, hook: 'ingress' | 'egress', dev: string): HookResult {
  const name = skb.iif?.assumed === 'name' && hook === 'ingress' ? undefined : dev;
  for (const chain of run.p.program.atDevice(hook, name)) {
    // Of inet only IP is seen there (nft_do_chain_inet_ingress).
    if (chain.table.family === 'inet' && skb.family === 'arp') continue;
    if (chain.base !== undefined && chain.base.devices.length === 0) deviceUnknown(run, chain);
    if (skb.iif?.assumed === 'name' && hook === 'ingress')
      run.undecided(
        'interface-unknown',
        `Whether ${chain.table.family} ${chain.table.name} ${chain.chain.name} sees the packet depends on the interface it arrives on.`,
        'Capture ip -j addr show and ip -j route on the node.',
      );
    const result = ended(run, skb, evaluateBase(run, skb, chain, hook));
    if (result !== 'accept') return result;
  }
  return 'accept';
}

function dormancyUnknown(run: Run, { table, chain }: ProgramChain): never {
  const name = `${table.family} ${table.name}`;
  return run.undecided(
    'table-flags',
    `The table ${name} has a flag, and the listing does not say which: if it is dormant, the chain ${chain.name} does not see the packet.`,
    'Capture nft.txt (nft -a list ruleset) too, or use nft 1.1 or newer.',
  );
}

function deviceUnknown(run: Run, chain: ProgramChain): never {
  return run.undecided(
    'chain-device',
    `The listing does not say to which device the chain ${chain.table.family} ${chain.table.name} ${chain.chain.name} is bound.`,
    'Capture nft.txt (nft -a list ruleset) too, or use nft 1.1 or newer.',
  );
}

function legacyUnknown(run: Run, family: 'ip' | 'ip6', table: string, hook: Hook): never {
  const program = family === 'ip' ? 'iptables' : 'ip6tables';
  const chain = `the chain ${hook.toUpperCase()} of the table ${table} of legacy ${program}`;
  const save = family === 'ip' ? run.p.world.legacySave : run.p.world.legacySave6;
  const rules = save?.known
    ? save.value.find((c) => c.table === table && c.chain === hook.toUpperCase())?.rules
    : undefined;
  return run.undecided(
    'legacy-tables',
    rules === undefined
      ? `The node has ${chain}: nft does not show its rules, and they decide about the packet here.`
      : `The node has ${chain} with ${rules} ${rules === 1 ? 'rule' : 'rules'}: nft does not show them, and they are not modelled.`,
    rules === undefined
      ? `Capture ${program}-legacy-save on the node, or assume that the chain is empty.`
      : `Read ${program}-legacy -t ${table} -S ${hook.toUpperCase()} on the node, or assume that the chain accepts the packet.`,
  );
}
