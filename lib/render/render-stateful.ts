/** The statements that keep a state. They stand in rules, in the declarations of sets, on elements and in named objects. */
import type { Integer, LimitStatement, QuotaStatement, Statement } from '../nft/model';
import type { RenderContext } from './context';
import { formatDecimal, formatRaw } from './literal';
import type { Out } from './tokens';
import { formatMilliseconds } from './units';

/** A stateful statement on an element, in a set's declaration or in a rule; others are written as their name. */
export function writeStateful(out: Out, statement: Statement, ctx: RenderContext): void {
  switch (statement.kind) {
    case 'counter':
      out.put('keyword', 'counter');
      if (statement.packets === undefined || statement.bytes === undefined) return;
      out.put('value', ` packets ${formatDecimal(statement.packets)} bytes ${formatDecimal(statement.bytes)}`);
      break;
    case 'quota':
      out.put('keyword', 'quota ');
      out.put('value', quotaText(statement));
      break;
    case 'limit':
      out.put('keyword', 'limit ');
      out.put('value', limitText(statement, !ctx.dialect.defaultBurst));
      break;
    case 'ctCount':
      out.put('keyword', 'ct count ');
      out.put('value', `${statement.over ? 'over ' : ''}${statement.val}`);
      break;
    case 'last':
      out.put('keyword', 'last');
      out.put('value', ` used ${statement.used === undefined ? 'never' : formatMilliseconds(statement.used)}`);
      break;
    default:
      out.put('keyword', statement.kind === 'unsupported' ? formatRaw(statement.raw) : statement.kind);
      break;
  }
}

/** As in the declaration of a set: without the state. */
export function writeDeclaredStateful(out: Out, statement: Statement, ctx: RenderContext): void {
  if (statement.kind === 'last' || statement.kind === 'counter') out.put('keyword', statement.kind);
  else writeStateful(out, statement, ctx);
}

function quotaText(quota: QuotaStatement): string {
  const used = quota.used === undefined ? '' : ` used ${formatDecimal(quota.used)} ${quota.usedUnit ?? 'bytes'}`;
  return `${quota.over ? 'over ' : ''}${formatDecimal(quota.val)} ${quota.valUnit}${used}`;
}

/** The burst that nft assumes for packet limits. */
const DEFAULT_BURST = 5;

/** `rate over 400/minute burst 20 packets`, `rate 1 mbytes/second burst 512 kbytes`. */
export function limitText(limit: Omit<LimitStatement, 'kind'>, hidesDefaultBurst: boolean): string {
  const { rate, per, over, burst, rateUnit, burstUnit } = limit;
  const amount = rateUnit === undefined ? formatDecimal(rate) : `${formatDecimal(rate)} ${rateUnit}`;
  return `rate ${over ? 'over ' : ''}${amount}/${per}${burstText(burst, rateUnit === undefined, burstUnit, hidesDefaultBurst)}`;
}

function burstText(
  burst: Integer | undefined,
  packets: boolean,
  burstUnit: string | undefined,
  hidesDefault: boolean,
): string {
  if (burst === undefined) return '';
  if (packets) return Number(burst) === DEFAULT_BURST && hidesDefault ? '' : ` burst ${formatDecimal(burst)} packets`;
  return Number(burst) === 0 ? '' : ` burst ${formatDecimal(burst)} ${burstUnit ?? 'bytes'}`;
}
