/** The command that each finding prints, run over the capture that it is about: it must run, and show what the finding says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import type { Finding } from '@/lib/findings/finding';
import { diagnoseCommand } from '@/server/cli/diagnose-command';
import { reachCommand } from '@/server/cli/reach-command';
import { traceCommand } from '@/server/cli/trace-command';
import { openDiagnosis } from '@/server/findings/open-diagnosis';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS } from '@/server/sources/source';
import { temporaryFolder, writeTree } from '@/server/sources/testing/make-bundle';
import { describeShared } from '../shared';

const temporary = temporaryFolder();
afterAll(() => temporary.remove());
afterEach(() => {
  vi.restoreAllMocks();
});

/** What a command of ours prints, and its exit status. */
async function run(command: (args: readonly string[]) => Promise<number>, args: readonly string[]) {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  const status = await command(args);
  vi.restoreAllMocks();
  return { status, printed };
}

async function findingsOf(source: string, ask: object | undefined): Promise<readonly Finding[]> {
  const asked = ask === undefined ? [] : ['--ask', JSON.stringify(ask)];
  const { printed } = await run(diagnoseCommand, ['--source', source, '-o', 'json', ...asked]);
  return (JSON.parse(printed) as { readonly findings: readonly Finding[] }).findings;
}

/** Words of a shell: only single quotes are ever written. */
const words = (command: string): readonly string[] =>
  [...command.matchAll(/'([^']*)'|[^\s']+/g)].map(([word, quoted]) => quoted ?? word);

/** Codes of traffic that does not arrive: a trace that delivers it contradicts them. */
const LOST: ReadonlySet<string> = new Set([
  ...['drop-before-proxy', 'drop-after-proxy', 'icmp-needed-dropped', 'nd-dropped', 'rp-filter-strict'],
  ...['localhost-nodeport', 'nodeport-address-not-served', 'clusterip-unallocated', 'clusterip-port-undefined'],
  'source-ranges-block',
]);

/** What is wrong with the command of a finding; undefined where it shows what it should. */
async function contradiction(one: Finding, source: string, at: number): Promise<string | undefined> {
  const { reproduce } = one;
  const query = /^echo '([^']*)' \| nftscope reach --source \S+ --queries -$/.exec(reproduce)?.[1];
  if (query !== undefined) {
    const file = `query-${at}.jsonl`;
    const path = join(writeTree(temporary.path, { [file]: `${query}\n` }), file);
    const { status, printed } = await run(reachCommand, ['--source', source, '--queries', path]);
    const { result } = JSON.parse(printed) as { readonly result?: string };
    if (status !== 0) return `exit status ${status}`;
    return LOST.has(one.code) && result === 'ok' ? 'it arrives' : undefined;
  }
  if (reproduce.startsWith('nftscope trace ')) {
    const { status, printed } = await run(traceCommand, words(reproduce).slice(2));
    if (status !== 0 && status !== 1) return `exit status ${status}`;
    if (LOST.has(one.code) && status === 0) return 'it is delivered';
    const places = one.evidence.flatMap((seen) => (seen.kind === 'rule' || seen.kind === 'chain' ? [seen] : []));
    const rules = places.map((seen) => (seen.kind === 'rule' ? `${seen.chain} #${seen.handle}` : seen.chain));
    const isShown =
      places.length === 0 ||
      places.some(
        (seen) => printed.includes(seen.chain) && (seen.kind === 'chain' || printed.includes(`#${seen.handle}`)),
      );
    return isShown ? undefined : `none of ${rules.join(', ')} is in the trace`;
  }
  return /nftscope/.test(reproduce) ? 'a command that nobody tries' : absentOf(one, source);
}

/** A table, chain, set, connection or setting that a command names and no node of the finding has. */
async function absentOf({ code, reproduce, nodes, evidence }: Finding, source: string): Promise<string | undefined> {
  const opened = await openPath(source, DEFAULT_LIMITS);
  const input = opened.ok ? await openDiagnosis(opened.value, new AbortController().signal) : opened;
  if (!input.ok) throw new Error(input.problem.say);
  const concerned = input.value.nodes.filter(({ name }) => nodes.includes(name));
  const list = /^nft (?:-a )?list (table|chain|set|map) (\S+) (\S+)(?: (\S+))?/.exec(reproduce);
  if (list !== null && code !== 'proxy-table-missing') {
    const [, kind, family, name, inside] = list;
    const isThere = concerned.some(({ ruleset }) => {
      const table = ruleset.ok
        ? ruleset.value.tables.find((one) => one.family === family && one.name === name)
        : undefined;
      const things = kind === 'chain' ? table?.chains : table?.sets;
      return table !== undefined && (kind === 'table' || things?.some((one) => one.name === inside));
    });
    if (!isThere) return `there is no ${kind} ${inside ?? name}`;
  }
  const held = /^conntrack -L -p (\S+) -s (\S+) -d (\S+) --dport (\d+)$/.exec(reproduce);
  if (held !== null && !evidence.some((one) => one.kind === 'conntrack' && isAbout(one.text, held)))
    return 'no such connection is named';
  const settings = /^sysctl ([\w. -]+)$/.exec(reproduce)?.[1]?.split(' ') ?? [];
  return settings.find((key) => !evidence.some((one) => one.kind === 'sysctl' && one.key === key));
}

const isAbout = (text: string, [, protocol, src, dst, dport]: RegExpExecArray): boolean =>
  text.startsWith(`${protocol} `) &&
  [`src=${src}`, `dst=${dst}`, `dport=${dport}`].every((word) => text.split(' ').includes(word));

describeShared('the commands of findings', (shared) => {
  const folder = join(shared, 'captures', 'faults');
  const faults = readdirSync(folder).flatMap((file) =>
    file.endsWith('.fault.json') ? [file.replace('.fault.json', '')] : [],
  );
  describe.each(faults)('%s', (name) => {
    test('run and show it', async () => {
      const source = join(folder, `${name}.tar.gz`);
      const { ask } = JSON.parse(readFileSync(join(folder, `${name}.fault.json`), 'utf8')) as { readonly ask?: object };
      const wrong: string[] = [];
      for (const [at, one] of (await findingsOf(source, ask)).entries()) {
        const what = await contradiction(one, source, at);
        if (what !== undefined) wrong.push(`${one.code}: ${one.reproduce}: ${what}`);
      }
      expect(wrong).toEqual([]);
    });
  });
});
