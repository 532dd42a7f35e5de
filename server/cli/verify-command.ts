import 'server-only';
import { replayPlan } from '@/lib/api/replay-plan';
import { type Agreement, stamp } from '@/lib/monitor/agreement';
import type { AlignedRow } from '@/lib/monitor/align-sequence';
import { whyNotReplay } from '../replay/available';
import { replay } from '../replay/replay';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { print } from './lines';
import { openCliNode } from './open';
import { COMMON, outputOf, parseOptions } from './options';
import { PACKET_OPTIONS, queryOf } from './trace-command';

const OPTIONS = { ...COMMON, ...PACKET_OPTIONS } as const;

export async function verifyCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('verify', args, OPTIONS);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'verify');
  const output = outputOf(values.output);
  const query = await queryOf(values, 'verify');
  const stop = new AbortController();
  const missing = await whyNotReplay(stop.signal);
  if (missing !== undefined) throw CliError.of(missing);
  const node = await openCliNode(values, 'verify');
  const plan = replayPlan(node, query);
  if (!plan.ok) throw CliError.of(plan.problem);
  const interrupted = new Map<NodeJS.Signals, () => void>();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const handler = () => stop.abort(name);
    interrupted.set(name, handler);
    process.once(name, handler);
  }
  const agreement = await replay(plan.value, stop.signal);
  for (const [name, handler] of interrupted) process.off(name, handler);
  if (stop.signal.aborted) {
    // Ends as the signal would have ended it, now that nothing is left behind.
    process.kill(process.pid, stop.signal.reason as NodeJS.Signals);
    return EXIT.badNews;
  }
  const { version, packet } = plan.value;
  await print(
    output === 'json'
      ? `${JSON.stringify({ source: values.source, node: node.node, version, packet, agreement }, undefined, 2)}\n`
      : agreementText(agreement),
  );
  return agreement.kind === 'agrees' ? EXIT.done : EXIT.badNews;
}

function agreementText(agreement: Agreement): string {
  const lines = [stamp(agreement)];
  if (agreement.kind === 'not-replayable') {
    lines.push(...agreement.obstacles.map(({ code, say }) => `  ${say} [${code}]`));
    return `${lines.join('\n')}\n`;
  }
  const { runs, branches, branchesSeen, release, nft } = agreement;
  lines.push(
    `  Linux ${release}, nft ${nft}; sent ${runs === 1 ? 'once' : `${runs} times`}${branches === 1 ? '' : `, took ${branchesSeen.length} of ${branches} branches`}`,
  );
  if (agreement.kind === 'diverges') {
    const { rows, divergence } = agreement.alignment;
    if (divergence !== null) lines.push('', ...rows.slice(Math.max(divergence - 3, 0), divergence + 6).map(rowText));
    for (const { what, kernel, ours } of agreement.endings) lines.push(`  ${what}: kernel ${kernel}; trace ${ours}`);
  }
  return `${lines.join('\n')}\n`;
}

const MARKS: { readonly [K in AlignedRow['outcome']]: string } = {
  agrees: '  =',
  differs: '  ≠',
  'only-kernel': '  kernel only:',
  'only-ours': '  trace only: ',
  'not-shown': '  (not shown)',
  foreign: '  (other table)',
};

function rowText({ outcome, kernel, ours, differences }: AlignedRow): string {
  const event = ours ?? kernel;
  if (event === undefined) return '';
  const handle = ours === undefined ? kernel?.handle : ours.at?.handle;
  const what = event.kind === 'rule' ? `rule ${handle ?? ''}` : event.kind === 'end' ? 'end of chain' : 'policy';
  const verdict = `${event.verdict}${event.jumpTarget === undefined ? '' : ` ${event.jumpTarget}`}`;
  const differing = differences.map((one) => `  [${one.what}: kernel ${one.kernel}, trace ${one.ours}]`).join('');
  return `${MARKS[outcome]} ${event.family} ${event.table} ${event.chain} ${what}: ${verdict}${differing}`;
}
