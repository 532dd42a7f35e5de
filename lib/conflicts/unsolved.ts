/** What rules ask of a packet that the search gives to none: options, extension headers, and bytes by their place. */
import type { Expression, Statement } from '../nft/model';

/** As nft writes it, without values. */
export function unsolvedIn(statement: Statement): readonly string[] {
  switch (statement.kind) {
    case 'match':
      return unsolved(statement.left);
    case 'vmap':
      return unsolved(statement.key);
    default:
      return [];
  }
}

function unsolved(expr: Expression): readonly string[] {
  if (typeof expr !== 'object') return [];
  const withField = (name: string, field: string | undefined): readonly string[] => [
    field === undefined ? name : `${name} ${field}`,
  ];
  switch (expr.kind) {
    case 'concat':
      return expr.parts.flatMap(unsolved);
    case 'binary':
      return expr.operands.flatMap(unsolved);
    case 'ipOption':
      return withField(`ip option ${expr.name}`, expr.field);
    case 'tcpOption':
      return withField(`tcp option ${expr.name}`, expr.field);
    case 'rawTcpOption':
      return [`tcp option @${expr.base},${expr.offset},${expr.len}`];
    case 'exthdr':
      return withField(`${expr.name} (extension header)`, expr.field);
    case 'sctpChunk':
      return withField(`sctp chunk ${expr.name}`, expr.field);
    case 'dccpOption':
      return [`dccp option ${expr.type}`];
    case 'rawPayload':
      return [`@${expr.base},${expr.offset},${expr.len}`];
    default:
      return [];
  }
}

/** Undefined where the two chains ask for nothing of the kind. */
export function unsolvedText(...asked: readonly (readonly string[])[]): string | undefined {
  const all = [...new Set(asked.flat())];
  if (all.length === 0) return undefined;
  const shown = all.slice(0, 3).join(', ');
  return `Rules ask for ${shown}${all.length > 3 ? ` and ${all.length - 3} more` : ''}, which no packet that was tried has.`;
}
