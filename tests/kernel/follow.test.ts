/**
 * What is followed by events is what nft lists: random transactions in a network namespace, each worked into the listing that is
 * held, and compared with a listing made anew. `NFTSCOPE_FOLLOW_SEEDS=first-last` runs others.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { align } from '@/lib/follow/align';
import { applyTransaction } from '@/lib/follow/apply-transaction';
import { differences } from '@/lib/follow/differences';
import { type HeldListing, holdListing, writeListing } from '@/lib/follow/held-listing';
import { newRules, type Place, placeIn, type Transaction, TransactionReader } from '@/lib/follow/transaction';
import { runCommand } from '@/server/sources/run-command';

const NAMESPACE = `nftscope-follow-${process.pid}`;
const probe = await runCommand(
  ['nft', 'list', 'tables'],
  { milliseconds: 20_000, bytes: 1e8 },
  new AbortController().signal,
);
const why = probe.kind === 'failed' ? probe.failure.stderr : undefined;
const [first = 1, last = 3] = (process.env.NFTSCOPE_FOLLOW_SEEDS ?? '').split('-').filter(Boolean).map(Number);
const SEEDS = Array.from({ length: last - first + 1 }, (_, i) => first + i);
const STEPS = 60;

const inside = (...argv: readonly string[]): string[] => ['netns', 'exec', NAMESPACE, ...argv];
const listing = (): HeldListing => {
  const held = holdListing(
    execFileSync('ip', inside('nft', '-j', 'list', 'ruleset'), { encoding: 'utf8', maxBuffer: 1e9 }),
  );
  if (held === undefined) throw new Error('the listing cannot be held');
  return held;
};
const commits = (text: string): boolean =>
  spawnSync('ip', inside('nft', '-f', '-'), { input: text, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0;

/** Two monitors, and what they told. */
class Monitors {
  readonly places = new Map<string, Place>();
  readonly heard: Transaction[] = [];
  generations = 0;
  broken: string | undefined;
  static #count = 0;
  #children: ChildProcess[] = [];
  #wake: () => void = () => undefined;

  async start(): Promise<void> {
    const reader = new TransactionReader();
    const run = (argv: readonly string[], hear: (line: string) => void) => {
      const child = spawn('ip', inside(...argv), { stdio: ['ignore', 'pipe', 'pipe'] });
      this.#children.push(child);
      const lines = (line: string) => {
        hear(line);
        this.#wake();
      };
      createInterface({ input: child.stdout }).on('line', lines);
      createInterface({ input: child.stderr }).on('line', (line) => {
        if (line.startsWith('W:')) this.broken ??= line;
      });
    };
    run(['stdbuf', '-oL', 'nft', '-j', '--debug=netlink', 'monitor'], (line) => {
      const event = reader.read(line);
      if (event?.kind === 'transaction') this.heard.push(event.transaction);
      if (event?.kind === 'broken') this.broken ??= event.why;
    });
    run(['nft', '-a', 'monitor'], (line) => {
      if (line.startsWith('# new generation')) this.generations += 1;
      const told = placeIn(line);
      if (told !== undefined) this.places.set(told.rule, told.place);
    });
    // Both hear of one and the same change, so both listen.
    for (let tries = 0; this.heard.length === 0 || this.generations === 0; tries += 1) {
      if (tries > 200) throw new Error('the monitors do not listen');
      commits('add table ip awake; delete table ip awake');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // Each has the line after the last one then.
    const lastName = `last-of-all-${Monitors.#count++}`;
    commits(`add table ip ${lastName}`);
    const isLast = () => JSON.stringify(this.heard.at(-1) ?? '').includes(lastName);
    while (!isLast()) await this.#more();
    await new Promise((resolve) => setTimeout(resolve, 50));
    this.heard.length = 0;
    this.generations = 0;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Waits until both have told this many transactions. */
  async until(count: number): Promise<void> {
    while (this.heard.length < count || this.generations < count) await this.#more();
  }

  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

/** Marsaglia's xorshift: the same numbers for the same seed everywhere. */
function randomOf(seed: number) {
  let state = (seed * 2654435761) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  const below = (n: number) => Math.floor(next() * n);
  const pick = <T>(items: readonly T[]): T => {
    const item = items[below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  return { below, pick };
}
type Random = ReturnType<typeof randomOf>;

const TABLES = ['ip t', 'inet u', 'ip6 t'] as const;
const CHAINS = ['c0', 'c1', 'c2', 'base'] as const;

function anyRule(random: Random, table: string): string {
  const family = table.startsWith('ip6') ? 'ip6' : 'ip';
  const address = family === 'ip' ? `10.0.0.${random.below(9)}` : `fd00::${random.below(9)}`;
  return random.pick([
    `${family} daddr ${address} accept`,
    'counter accept',
    `tcp dport ${1 + random.below(3)} drop comment "no, \\"x\\" # handle 3"`.replaceAll('\\"', "'"),
    'tcp dport { 80, 443 } counter accept',
    `meta mark set ${random.below(5)}`,
    `jump c${1 + random.below(2)}`,
    `${family} saddr @s0 drop`,
    'tcp dport vmap { 80 : accept, 443 : drop }',
    'numgen random mod 3 vmap { 0 : accept, 1 : accept, 2 : drop }',
    'limit rate 5/second accept',
    'log prefix "a, b: {c}"',
    'continue',
  ]);
}

/** One command of an arbitrary user. */
function anyCommand(random: Random, held: HeldListing): string {
  const table = random.pick(TABLES);
  const chain = random.pick(CHAINS);
  const rules = held.tables.get(table)?.chains.get(chain)?.rules ?? [];
  const handle = rules.length === 0 ? undefined : random.pick(rules).handle;
  const address = `10.0.0.${random.below(6)}`;
  const type = table.startsWith('ip6') ? 'ipv6_addr' : 'ipv4_addr';
  const element = table.startsWith('ip6') ? `fd00::${random.below(6)}` : address;
  const at = handle === undefined ? '' : `position ${handle}`;
  return random.pick([
    `add table ${table}`,
    `add chain ${table} c0`,
    `add chain ${table} c${1 + random.below(2)}`,
    `add chain ${table} base { type filter hook input priority ${random.below(3)}; policy ${random.pick(['accept', 'drop'])}; }`,
    `add rule ${table} ${chain} ${anyRule(random, table)}`,
    `add rule ${table} ${chain} ${anyRule(random, table)}`,
    `add rule ${table} ${chain} ${at} ${anyRule(random, table)}`,
    `insert rule ${table} ${chain} ${at} ${anyRule(random, table)}`,
    `insert rule ${table} ${chain} ${anyRule(random, table)}`,
    handle === undefined ? `flush chain ${table} ${chain}` : `delete rule ${table} ${chain} handle ${handle}`,
    handle === undefined
      ? `delete chain ${table} ${chain}`
      : `replace rule ${table} ${chain} handle ${handle} ${anyRule(random, table)}`,
    `flush chain ${table} ${chain}`,
    `delete chain ${table} ${chain}`,
    `add set ${table} s0 { type ${type}; comment "a set"; }`,
    `add set ${table} to { type ${type}; timeout 1h; }`,
    `add set ${table} iv { type ${type}; flags interval; auto-merge; }`,
    `add map ${table} m0 { type ${type} . inet_proto . inet_service : verdict; }`,
    `add element ${table} s0 { ${element} }`,
    `add element ${table} s0 { ${element} comment "c" }`,
    `delete element ${table} s0 { ${element} }`,
    `add element ${table} to { ${element} timeout 30m }`,
    `add element ${table} iv { ${element} }`,
    `add element ${table} m0 { ${element} . tcp . ${80 + random.below(2)} : ${random.pick(['accept', 'drop', 'goto c1'])} }`,
    `delete element ${table} m0 { ${element} . tcp . 80 }`,
    `flush set ${table} s0`,
    `delete set ${table} ${random.pick(['s0', 'to', 'iv'])}`,
    `add counter ${table} n${random.below(2)}`,
    `delete counter ${table} n${random.below(2)}`,
    ...(random.below(8) === 0
      ? [`delete table ${table}`, `flush table ${table}`, 'flush ruleset', `rename chain ${table} c2 c3`]
      : []),
  ]);
}

/** What kube-proxy does to its Services: chains made, emptied and filled anew, elements put in and taken out. */
class Services {
  #known = new Map<number, number>();
  #stale = new Set<number>();

  readonly setup = `add table ip kube-proxy
    add chain ip kube-proxy services
    add chain ip kube-proxy nat-prerouting { type nat hook prerouting priority -100; }
    add chain ip kube-proxy mark-for-masquerade
    add set ip kube-proxy cluster-ips { type ipv4_addr; }
    add map ip kube-proxy service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
    add rule ip kube-proxy mark-for-masquerade mark set mark or 0x4000
    add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips
    add rule ip kube-proxy nat-prerouting jump services`;

  transaction(random: Random): string {
    const lines: string[] = [];
    for (let i = 0; i <= random.below(4); i += 1) lines.push(...this.#one(random));
    for (const one of this.#stale)
      if (random.below(3) === 0 && !this.#known.has(one)) {
        lines.push(`delete chain ip kube-proxy service-${one}`);
        this.#stale.delete(one);
      }
    return lines.length === 0 ? 'add table ip kube-proxy' : lines.join('\n');
  }

  #one(random: Random): readonly string[] {
    const one = random.below(12);
    const chain = `ip kube-proxy service-${one}`;
    const key = `172.30.0.${one} . tcp . 80`;
    const before = this.#known.get(one);
    if (before !== undefined && random.below(3) === 0) {
      this.#known.delete(one);
      this.#stale.add(one);
      return [
        `delete element ip kube-proxy cluster-ips { 172.30.0.${one} }`,
        `delete element ip kube-proxy service-ips { ${key} }`,
        `flush chain ${chain}`,
      ];
    }
    const endpoints = 1 + random.below(4);
    this.#known.set(one, endpoints);
    this.#stale.delete(one);
    const pick = Array.from({ length: endpoints }, (_, i) => `${i} : goto endpoint-${one}-${i}`).join(', ');
    return [
      ...Array.from({ length: endpoints }, (_, i) => [
        `add chain ip kube-proxy endpoint-${one}-${i}`,
        `flush chain ip kube-proxy endpoint-${one}-${i}`,
        `add rule ip kube-proxy endpoint-${one}-${i} ip saddr 10.1.${one}.${i} jump mark-for-masquerade`,
        `add rule ip kube-proxy endpoint-${one}-${i} meta l4proto tcp dnat to 10.1.${one}.${i}:8080`,
      ]).flat(),
      `add chain ${chain}`,
      `flush chain ${chain}`,
      `add rule ${chain} ip daddr 172.30.0.${one} tcp dport 80 ip saddr != 10.0.0.0/8 jump mark-for-masquerade`,
      `add rule ${chain} numgen random mod ${endpoints} vmap { ${pick} }`,
      ...(before === undefined
        ? [
            `add element ip kube-proxy cluster-ips { 172.30.0.${one} }`,
            `add element ip kube-proxy service-ips { ${key} : goto service-${one} }`,
          ]
        : []),
    ];
  }
}

describe.skipIf(why !== undefined)(`what is followed${why === undefined ? '' : `: skipped, ${why}`}`, () => {
  beforeAll(() => void execFileSync('ip', ['netns', 'add', NAMESPACE]));
  afterAll(() => void execFileSync('ip', ['netns', 'del', NAMESPACE]));

  /** Commits one transaction after another, and compares after each; the reasons of those that could not be followed. */
  async function follow(
    setup: string,
    next: (held: HeldListing) => string,
  ): Promise<{ followed: number; reasons: string[] }> {
    commits('flush ruleset');
    commits(setup);
    let monitors = new Monitors();
    await monitors.start();
    const reasons: string[] = [];
    let held = listing();
    let fresh = held;
    let followed = 0;
    let told = 0;
    for (let step = 0; step < STEPS; step += 1) {
      // What changes nothing makes no transaction: each has something new.
      const text = `${next(fresh)}\nadd table ip steps\nadd counter ip steps n${step}`;
      if (!commits(text)) continue;
      told += 1;
      await monitors.until(told);
      const transaction = monitors.heard[told - 1];
      if (transaction === undefined) throw new Error('no transaction was heard');
      expect(newRules(transaction).filter((rule) => !monitors.places.has(rule))).toEqual([]);
      const applied = applyTransaction(held, transaction, monitors.places);
      fresh = listing();
      if (applied.kind === 'next' && monitors.broken === undefined) {
        expect([text, differences(applied.listing, fresh)]).toEqual([text, []]);
        followed += 1;
        held = applied.listing;
        continue;
      }
      reasons.push(`${monitors.broken ?? (applied.kind === 'relist' ? applied.why : '')} [${text}]`);
      held = fresh;
      if (monitors.broken !== undefined || (applied.kind === 'relist' && applied.isMonitorSpent)) {
        monitors.stop();
        monitors = new Monitors();
        await monitors.start();
        told = 0;
        held = fresh = listing();
      }
    }
    monitors.stop();
    // What is written is a listing, and the same one.
    const again = holdListing(writeListing(held));
    expect(again === undefined ? undefined : differences(again, held)).toEqual([]);
    return { followed, reasons };
  }

  test.each(SEEDS)(
    'transactions as those of kube-proxy are all followed (seed %i)',
    { timeout: 120_000 },
    async (seed) => {
      const random = randomOf(seed);
      const services = new Services();
      expect(await follow(services.setup, () => services.transaction(random))).toEqual({
        followed: STEPS,
        reasons: [],
      });
    },
  );

  test.each(SEEDS)('any others are followed, or listed anew (seed %i)', { timeout: 240_000 }, async (seed) => {
    const random = randomOf(seed + 1000);
    const setup = TABLES.map((table) => `add table ${table}; add chain ${table} c0; add chain ${table} c1`).join('\n');
    const { followed, reasons } = await follow(setup, (held) =>
      Array.from({ length: 1 + random.below(3) }, () => anyCommand(random, held)).join('\n'),
    );
    if (process.env.NFTSCOPE_FOLLOW_SEEDS !== undefined) console.log(seed, followed, reasons.join('\n'));
    expect(followed).toBeGreaterThan(0);
  });

  test('a listing made while transactions came is aligned with them', async () => {
    commits('flush ruleset');
    commits('add table ip t; add chain ip t c; add set ip t s { type ipv4_addr; }');
    const monitors = new Monitors();
    await monitors.start();
    const listings = [listing()];
    const steps = [
      'add rule ip t c accept; add element ip t s { 10.0.0.1 }',
      'add element ip t s { 10.0.0.2 }',
      'delete element ip t s { 10.0.0.1 }',
      'flush chain ip t c; add rule ip t c drop; add rule ip t c accept',
      'add element ip t s { 10.0.0.1 }',
    ];
    for (const step of steps) {
      expect(commits(step)).toBe(true);
      listings.push(listing());
    }
    await monitors.until(steps.length);
    const end = listing();
    for (const one of listings) {
      const aligned = align(one, monitors.heard.slice(0, steps.length), monitors.places);
      expect(aligned.kind === 'next' ? differences(aligned.listing, end) : aligned.why).toEqual([]);
    }
    monitors.stop();
  });
});
