/** Durations and byte counts as nft writes them. */
import type { Integer } from '../nft/model';

const DURATION_UNITS: readonly (readonly [string, bigint])[] = [
  ['d', 86_400_000n],
  ['h', 3_600_000n],
  ['m', 60_000n],
  ['s', 1000n],
  ['ms', 1n],
];

/** A fraction is cut off, and what is no number counts as 0: BigInt throws on both. */
function integral(value: Integer): bigint {
  if (typeof value === 'bigint') return value;
  return Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
}

/** `1h30m`, `59s992ms`; `0s` for nothing. Days are the largest unit. */
export function formatMilliseconds(value: Integer): string {
  let rest = integral(value);
  if (rest <= 0n) return '0s';
  let text = '';
  for (const [unit, size] of DURATION_UNITS) {
    if (rest >= size) {
      text += `${rest / size}${unit}`;
      rest %= size;
    }
  }
  return text;
}

/** `1h30m`, `59s`; `0s` for nothing. */
export function formatSeconds(value: Integer): string {
  const seconds = Number(value);
  if (!Number.isInteger(seconds)) return formatMilliseconds(Math.round(seconds * 1000));
  if (seconds <= 0) return '0s';
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = seconds % 60;
  return `${days > 0 ? `${days}d` : ''}${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}${rest > 0 ? `${rest}s` : ''}`;
}

const BYTE_UNITS = ['bytes', 'kbytes', 'mbytes'] as const;

/** The largest unit that divides exactly, never above mbytes: `1 kbytes`, `1025 bytes`. */
export function formatBytes(value: Integer): string {
  let rest = integral(value);
  let unit = 0;
  while (unit < BYTE_UNITS.length - 1 && rest !== 0n && rest % 1024n === 0n) {
    rest /= 1024n;
    unit += 1;
  }
  return `${rest} ${BYTE_UNITS[unit]}`;
}
