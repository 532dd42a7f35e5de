/** Tables as `nft -j list ruleset` of nft 1.0.6 prints them, without handles: as much of JSON as kube-proxy's rules need. */
import type { Chain, Expression, Json, NftSet, Rule, SetElement, Statement, Table, Verdict } from '../nft/model';
import { isVerdict } from '../render/render-verdict';

/** What nft 1.0.6 leaves out is left out: comments of tables and chains, the flag `dynamic`. */
export function encodeListing(tables: readonly Table[]): Json {
  return {
    nftables: [
      { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
      ...tables.flatMap(encodeTable),
    ],
  };
}

function encodeTable(table: Table): readonly Json[] {
  const at = { family: table.family, table: table.name };
  return [
    { table: { family: table.family, name: table.name } },
    ...table.sets.map((set) => ({ [set.kind]: encodeSet(set, table) })),
    ...table.chains.map((chain) => ({ chain: { ...at, name: chain.name, ...encodeBase(chain) } })),
    ...table.chains.flatMap((chain) =>
      chain.rules.map((rule) => ({ rule: { ...at, chain: chain.name, ...encodeRule(rule) } })),
    ),
  ];
}

function encodeBase({ base }: Chain): { readonly [name: string]: Json } {
  if (base === undefined) return {};
  const { type, hook, prio, policy } = base;
  return { type, hook, prio, policy };
}

const encodeRule = ({ comment, statements }: Rule): { readonly [name: string]: Json } => ({
  ...(comment !== undefined && { comment }),
  expr: statements.map(encodeStatement),
});

function encodeSet(set: NftSet, table: Table): Json {
  const names = set.type.kind === 'types' ? set.type.names : [];
  const flags = set.flags.filter((flag) => flag !== 'dynamic');
  return {
    family: table.family,
    name: set.name,
    table: table.name,
    type: names.length === 1 ? (names[0] ?? '') : [...names],
    ...(set.comment !== undefined && { comment: set.comment }),
    ...(set.data?.kind === 'verdict' && { map: 'verdict' }),
    ...(set.size !== undefined && { size: set.size }),
    ...(flags.length > 0 && { flags }),
    ...(set.timeout !== undefined && { timeout: set.timeout }),
    ...(set.elements.length > 0 && { elem: set.elements.map(encodeElement) }),
  };
}

function encodeElement({ key, data, comment }: SetElement): Json {
  const val = encode(key);
  const element = comment === undefined ? val : { elem: { val, comment } };
  return data === undefined ? element : [element, isVerdict(data) ? encodeVerdict(data) : encode(data)];
}

const encodeVerdict = (verdict: Verdict): Json =>
  verdict.kind === 'jump' || verdict.kind === 'goto'
    ? { [verdict.kind]: { target: verdict.target } }
    : { [verdict.kind]: null };

const notWritten = (kind: string): never => {
  throw new Error(`kube-proxy writes no ${kind}`);
};

function encodeStatement(statement: Statement): Json {
  switch (statement.kind) {
    case 'match': {
      const { op, left, right } = statement;
      return { match: { op, left: encode(left), right: encode(right) } };
    }
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto':
      return encodeVerdict(statement);
    case 'vmap':
      return { vmap: { key: encode(statement.key), data: encode(statement.data) } };
    case 'mangle':
      return { mangle: { key: encode(statement.key), value: encode(statement.value) } };
    case 'masquerade':
      return {
        masquerade: { flags: statement.flags.length === 1 ? (statement.flags[0] ?? '') : [...statement.flags] },
      };
    case 'dnat': {
      const { family, addr, port } = statement;
      return {
        dnat: {
          ...(family !== undefined && { family }),
          ...(addr !== undefined && { addr: encode(addr) }),
          ...(port !== undefined && { port: encode(port) }),
        },
      };
    }
    case 'reject':
      return { reject: { type: statement.type ?? '', expr: encode(statement.expr ?? '') } };
    case 'setUpdate':
      return { set: { op: statement.op, elem: encode(statement.elem), set: `@${statement.set}` } };
    default:
      return notWritten(statement.kind);
  }
}

function encode(expression: Expression): Json {
  if (typeof expression === 'bigint') return Number(expression);
  if (typeof expression !== 'object') return expression;
  switch (expression.kind) {
    case 'prefix':
      return { prefix: { addr: encode(expression.addr), len: expression.len } };
    case 'range':
      return { range: [encode(expression.from), encode(expression.to)] };
    case 'concat':
      return { concat: expression.parts.map(encode) };
    case 'set':
      return { set: expression.elements.map(encodeElement) };
    case 'setref':
      return `@${expression.name}`;
    case 'payload':
      return { payload: { protocol: expression.protocol, field: expression.field } };
    case 'meta':
      return { meta: { key: expression.key } };
    case 'ct':
      return { ct: { key: expression.key } };
    case 'fib':
      return { fib: { result: expression.result, flags: [...expression.flags] } };
    case 'numgen': {
      const { mode, mod, offset } = expression;
      return { numgen: { mode, mod, offset } };
    }
    case 'binary':
      return { [expression.op]: expression.operands.map(encode) };
    case 'map':
      return { map: { key: encode(expression.key), data: encode(expression.data) } };
    default:
      return notWritten(expression.kind);
  }
}
