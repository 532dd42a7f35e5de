/** Cases from a seed: rulesets and packets that lean towards meeting each other. */
import type { LabCase, LabStep } from './case';
import { follow } from './follow-ups';
import { kubeProxyCase } from './kube-proxy';
import { fragments, packetOf } from './packets';
import { Random } from './random';
import { Rules } from './rules';
import { tableOf } from './tables';
import { walk } from './walk';

export interface Options {
  /** Only packets that belong together. */
  readonly flows: boolean;
  /** Only rulesets of this profile. */
  readonly profile: string | undefined;
}

export const PROFILES = [
  'general',
  'nat',
  'sets',
  'fields',
  'stmts',
  'conflict',
  'raw',
  'bridge',
  'netdev',
  'arp',
  'kubeproxy',
  'deep',
  'wide',
] as const;
const WEIGHTS: readonly (readonly [number, string])[] = [
  [10, 'general'],
  [9, 'nat'],
  [6, 'sets'],
  [5, 'fields'],
  [5, 'stmts'],
  [3, 'conflict'],
  [2, 'raw'],
  [1.5, 'bridge'],
  [1.5, 'netdev'],
  [0.5, 'arp'],
  [7, 'kubeproxy'],
  [2, 'deep'],
];
const ENVIRONMENTS: readonly (readonly [number, string])[] = [
  [14, 'base'],
  [2, 'policy-routing'],
  [1, 'localnet'],
  [1, 'no-default'],
  [1, 'rp-strict'],
  [0.7, 'no-forward'],
  [0.7, 'bridge-nf'],
];

/** The case of a seed. A third of the flows are long walks. */
export function generate(seed: number, options: Options): LabCase {
  const made = short(seed, options);
  const r = new Random(seed ^ 0x5bd1e995);
  const first = made.steps[0];
  if (!options.flows || first?.kind !== 'packet' || !r.chance(0.34)) return made;
  return { ...made, steps: walk(r, first.packet) };
}

function short(seed: number, options: Options): LabCase {
  const r = new Random(seed);
  // Rarer rules come in by chance of their own: all other cases stay what they were.
  const wide = options.profile === 'wide' || new Random(seed ^ 0x2545f491).chance(0.1);
  const profile = options.profile ?? r.weighted(WEIGHTS);
  const g = new Rules(r, profile, wide && profile !== 'arp');
  const environment = profile === 'bridge' && r.chance(0.4) ? 'bridge-nf' : r.weighted(ENVIRONMENTS);
  const hooks = ['prerouting', 'input', 'forward', 'output', 'postrouting'];
  if (profile === 'kubeproxy') {
    const made = kubeProxyCase(r, (first, at) => follow(g, first, at), options.flows);
    const beside = r.chance(0.4) ? [tableOf(g, r.pick([made.family, 'inet']), hooks)] : [];
    const tables = r.chance(0.5) ? [...beside, ...made.tables] : [...made.tables, ...beside];
    return { seed, environment, profile, tables, steps: made.steps };
  }
  const count = profile === 'fields' || profile === 'stmts' ? 1 : r.int(1, 3);
  const tables = Array.from({ length: count }, (_, i) => {
    if (profile === 'bridge' && i === 0) return tableOf(g, 'bridge', hooks);
    if (profile === 'netdev' && i === 0)
      return r.chance(0.4) ? tableOf(g, 'inet', ['ingress', ...hooks]) : tableOf(g, 'netdev', ['ingress', 'egress']);
    if (profile === 'arp' && i === 0) return tableOf(g, 'arp', ['input', 'output']);
    const family = r.weighted([
      [5, 'ip'],
      [5, 'inet'],
      [3, 'ip6'],
    ]);
    return tableOf(
      g,
      family,
      profile === 'conflict'
        ? [r.pick(hooks)]
        : profile === 'raw'
          ? ['prerouting', 'output']
          : profile === 'nat'
            ? ['prerouting', 'postrouting', 'output', 'input']
            : hooks,
    );
  });
  const families: ('ip' | 'ip6')[] = tables.flatMap((t) =>
    t.family === 'ip' ? ['ip', 'ip'] : t.family === 'ip6' ? ['ip6', 'ip6'] : ['ip', 'ip', 'ip6'],
  ) as ('ip' | 'ip6')[];
  const steps: LabStep[] = [];
  if (profile === 'arp') {
    for (let i = r.int(1, 3); i > 0; i--)
      steps.push({
        kind: 'packet',
        packet: {
          from: 'client',
          iif: 'eth0',
          family: 'arp',
          op: r.pick(['request', 'request', 'reply']),
          saddr: r.pick(['10.0.1.2', '10.0.1.3', '10.0.1.77']),
          daddr: r.pick(['10.0.1.1', '10.0.1.1', '10.0.2.1', '10.0.1.3', '10.0.9.9']),
          senderMac: '02:00:00:00:01:02',
        },
      });
  } else {
    for (let n = options.flows ? 1 : r.int(1, 4); n > 0; n--) {
      if (r.chance(0.06)) {
        for (const packet of fragments(g, r.pick(families))) steps.push({ kind: 'packet', packet });
        continue;
      }
      const first = packetOf(g, families, profile !== 'bridge');
      const spec =
        profile === 'bridge' && r.chance(0.7)
          ? {
              ...first,
              from: 'client-br',
              iif: 'brp0',
              ...(first.family === 'ip' ? { saddr: '10.0.4.2' } : { saddr: 'fd00:4::2' }),
              ...(r.chance(0.6)
                ? { daddr: first.family === 'ip' ? '10.0.4.3' : 'fd00:4::3', l2: { dst: '02:00:00:00:07:02' } }
                : {}),
            }
          : first;
      const flow = options.flows || r.chance(0.3);
      const opened = flow && spec.protocol === 'tcp' && r.chance(0.8) ? { ...spec, flags: ['syn'], ack: 0 } : spec;
      steps.push({ kind: 'packet', packet: opened });
      if (flow) steps.push(...follow(g, opened, steps.length - 1));
      else if (r.chance(0.2)) steps.push({ kind: 'packet', packet: opened });
    }
  }
  return { seed, environment, profile, tables, steps };
}
