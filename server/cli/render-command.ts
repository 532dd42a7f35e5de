import 'server-only';
import { decodeListing } from '@/lib/api/open-node';
import { decodeBytes, LONGEST_LISTING } from '@/lib/decode/decode-bytes';
import { ok, type Result } from '@/lib/net/result';
import type { Ruleset } from '@/lib/nft/model';
import { renderRuleset } from '@/lib/render/render-ruleset';
import { type BatchRecord, refuse, runBatch } from './batch';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { print, readAll } from './lines';
import { lostFacts } from './lost-facts';
import { openCliNode } from './open';
import { COMMON, outputOf, parseOptions } from './options';

const OPTIONS = { ...COMMON, handles: { type: 'boolean', default: false }, cases: { type: 'string' } } as const;

export async function renderCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('render', args, OPTIONS);
  const output = outputOf(values.output);
  const [file, ...more] = positionals;
  if (more.length > 0) throw CliError.usage('One file at a time.', 'render');
  const ways = [values.cases, values.source, file].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw CliError.usage(
      'What to render? Give FILE, - for standard input, --source or --cases: one of them.',
      'render',
    );
  if (values.cases !== undefined)
    return runBatch(values.cases, renderCase, (id, error) => ({ id, results: [], error }));
  const ruleset = file === undefined ? await fromSource(values) : await fromFile(file);
  const lacks = lostFacts(ruleset);
  for (const { code, message, do: remedy } of lacks)
    process.stderr.write(`nftscope: ${message} [${code}]\n  ${remedy}\n`);
  if (output === 'json') {
    const texts = {
      text: renderRuleset(ruleset, {}),
      textHandles: renderRuleset(ruleset, { handles: true }),
      ...(lacks.length > 0 && { lacks }),
    };
    await print(`${JSON.stringify(texts)}\n`);
  } else {
    await print(renderRuleset(ruleset, { handles: values.handles }));
  }
  return EXIT.done;
}

async function fromFile(file: string): Promise<Ruleset> {
  const decoded = decodeBytes(await readAll(file, LONGEST_LISTING));
  if (!decoded.ok) throw CliError.of(decoded.problem, file === '-' ? 'standard input' : file);
  return decoded.value;
}

async function fromSource(options: {
  readonly source?: string | undefined;
  readonly node?: string | undefined;
}): Promise<Ruleset> {
  const { files } = await openCliNode(options, 'render');
  const decoded = decodeListing(files);
  if (!decoded.ok) throw CliError.of(decoded.problem);
  return decoded.value;
}

/** Reads id, nftVersion, loadedBy and json, a listing as text. */
function renderCase({ id, members }: BatchRecord): Result<object> {
  const { json, nftVersion, loadedBy } = members;
  if (typeof json !== 'string') return refuse('CASE-006', 'expected the output of nft -j as a string', 'json');
  const decoded = decodeBytes(new TextEncoder().encode(json));
  if (!decoded.ok) return decoded;
  // The version of the record where the listing itself does not say it.
  const version =
    decoded.value.nftVersion === undefined && typeof nftVersion === 'string' ? { version: nftVersion } : {};
  return ok({
    id,
    nftVersion,
    loadedBy,
    text: renderRuleset(decoded.value, version),
    textHandles: renderRuleset(decoded.value, { ...version, handles: true }),
  });
}
