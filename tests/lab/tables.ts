/** Tables: what is declared, base chains at the hooks, and the chains that they call. */
import type { LabChain, LabTable } from './case';
import type { Random } from './random';
import type { Rules } from './rules';
import type { Scope, SetInfo } from './values';

function priority(r: Random, type: string): string {
  if (type === 'nat') return String(r.pick([-150, -100, -100, 0, 10, 100, 100, 101, 5]));
  return String(
    r.pick([
      -450, -401, -400, -399, -300, -300, -225, -201, -200, -199, -150, -150, -101, -100, -100, -99, -10, 0, 0, 0, 5,
      10, 50, 99, 100, 100, 101, 225, 300,
    ]),
  );
}

/** A table with its sets, objects and chains. */
export function tableOf(g: Rules, family: string, hooks: readonly string[]): LabTable {
  const { r } = g;
  const name = g.name('t');
  const v4 = family !== 'ip6';
  const v6 = family !== 'ip' && family !== 'arp';
  const deep = g.profile === 'deep';
  const regular = Array.from({ length: deep ? r.int(8, 20) : r.int(0, 4) }, () => g.name('c'));
  const items: string[] = [];
  const sets: SetInfo[] = [];
  const objects: { kind: string; name: string }[] = [];
  const chains: LabChain[] = [];
  const bases = r.weighted([
    [2, 1],
    [4, 2],
    [3, 3],
    [1, 4],
  ]);
  const wanted = g.profile === 'sets' ? r.int(3, 6) : r.int(0, 3);
  // Verdict maps may only name chains without chains below them naming them again; the last two will do.
  const leaves = regular.slice(-2);
  for (let i = 0; i < wanted; i++) {
    const { info, text } = g.set({
      family,
      hook: '',
      type: 'filter',
      sets: [],
      objects: [],
      targets: leaves,
      v4,
      v6,
    });
    sets.push(info);
    items.push(text);
  }
  for (let i = r.int(0, 2); i > 0; i--) {
    const { text, ...o } = g.object();
    objects.push(o);
    items.push(text);
  }
  const used = new Set<string>();
  let first: { hook: string; type: string } | undefined;
  for (let i = 0; i < bases; i++) {
    const hook = r.pick(hooks);
    const type =
      ['ip', 'ip6', 'inet'].includes(family) && hook !== 'ingress'
        ? hook === 'output' && r.chance(0.15)
          ? 'route'
          : hook !== 'forward' && r.chance(g.profile === 'nat' ? 0.65 : 0.15)
            ? 'nat'
            : 'filter'
        : 'filter';
    first ??= { hook, type };
    used.add(hook);
    const device =
      hook === 'ingress' || hook === 'egress' ? ` device "${r.pick(['eth0', 'eth1', 'eth0', 'brp0'])}"` : '';
    const policy = r.chance(0.12) && type !== 'nat' ? 'drop' : 'accept';
    const scope: Scope = { family, hook, type, sets, objects, targets: regular, v4, v6 };
    chains.push({
      name: g.name('b'),
      base: `type ${type} hook ${hook}${device} priority ${priority(r, type)}; policy ${policy};`,
      rules: Array.from({ length: g.profile === 'fields' || g.profile === 'stmts' ? r.int(5, 14) : r.int(0, 5) }, () =>
        g.rule(scope),
      ),
    });
  }
  for (const [i, chain] of regular.entries()) {
    // Regular chains are written for one of the hooks; nft refuses what does not fit the others.
    const scope: Scope = {
      family,
      hook: first?.hook ?? hooks[0] ?? 'input',
      type: first?.type ?? 'filter',
      sets: i < regular.length - 2 ? sets : sets.filter((x) => x.data !== 'verdict'),
      objects,
      targets: regular.slice(i + 1),
      v4,
      v6,
    };
    const rules = Array.from({ length: r.int(0, deep ? 1 : 4) }, () => g.rule(scope));
    // A ladder: each chain calls the next, so that returns climb it again.
    const next = regular[i + 1];
    if (deep && next !== undefined && r.chance(0.85)) rules.push([`${r.chance(0.85) ? 'jump' : 'goto'} ${next}`]);
    if (deep && r.chance(0.4)) rules.push(g.rule(scope));
    chains.push({ name: chain, base: undefined, rules });
  }
  return { family, name, items, chains };
}
