/** The question of the trace route: parameters, or the same members as one JSON object. */
import 'server-only';
import type { TraceQuery } from '@/lib/api/trace-answer';
import type { Question } from '@/lib/explain/question';
import { type At, at, decoding } from '@/lib/net/json-cursor';
import { failed, type Result } from '@/lib/net/result';
import type { IpFamily } from '@/lib/world/world';
import { Params } from './params';
import { isTooDeep, MOST_LEVELS } from './request-json';
import { requestProblems } from './request-problems';

export function queryOfRequest(request: Request): Result<TraceQuery> {
  return Params.read(request, (params) => {
    const packet = params.json('packet');
    const from = params.optional('from');
    const to = params.optional('to');
    // A question needs both ends; one alone is asked for by name.
    const question =
      from === undefined && to === undefined
        ? undefined
        : {
            from: params.required('from'),
            to: params.required('to'),
            family: params.word('family', FAMILIES),
            protocol: params.optional('protocol'),
            sport: params.optionalInteger('sport', 65535),
            dport: params.optionalInteger('dport', 65535),
            flags: flagsOf(params.optional('flags')),
          };
    return { ...(question !== undefined && { question }), ...(packet !== undefined && { packet }) };
  });
}

export function queryOfBody(body: Uint8Array): Result<TraceQuery> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    return failed(requestProblems.bodyNotJson(error instanceof Error ? error.message : String(error)));
  }
  if (isTooDeep(json)) return failed(requestProblems.tooDeep('body', MOST_LEVELS));
  const query = decoding(() => {
    const root = at(json);
    const packet = root.optional('packet')?.value;
    const flags = root.optional('flags');
    const question: Question | undefined =
      root.optional('from') === undefined && root.optional('to') === undefined
        ? undefined
        : {
            from: root.key('from').string(),
            to: root.key('to').string(),
            family: familyOf(root.optional('family')),
            protocol: root.optional('protocol')?.string(),
            sport: root.optional('sport')?.integer(0, 65535),
            dport: root.optional('dport')?.integer(0, 65535),
            flags:
              typeof flags?.value === 'string' ? flagsOf(flags.value) : flags?.items().map((flag) => flag.string()),
          };
    return { ...(question !== undefined && { question }), ...(packet !== undefined && { packet }) };
  });
  return query.ok ? query : failed(requestProblems.member(query.problem.path ?? '', query.problem.say));
}

/** The words of `nftscope trace --family`. */
const FAMILIES: ReadonlyMap<string, IpFamily> = new Map([
  ['4', 'ip'],
  ['ip', 'ip'],
  ['ipv4', 'ip'],
  ['6', 'ip6'],
  ['ip6', 'ip6'],
  ['ipv6', 'ip6'],
]);

function familyOf(word: At | undefined): IpFamily | undefined {
  if (word === undefined) return undefined;
  const text = word.string();
  return (
    FAMILIES.get(text.toLowerCase()) ??
    word.fail(`${JSON.stringify(text)} is none of ${[...FAMILIES.keys()].join(', ')}`)
  );
}

const flagsOf = (text: string | undefined): readonly string[] | undefined =>
  text
    ?.toLowerCase()
    .split(/[ ,|]+/)
    .filter((flag) => flag !== '');
