/**
 * The commands of the capture format as one POSIX sh script for a container that has nft: each output between two lines with a
 * word that cannot be in it, the second with exit status and length. So what was cut on the way shows.
 */
import 'server-only';
import type { Argv } from '../sources/node-commands';
import { SYSCTLS, SYSCTLS_PER_INTERFACE } from '../sources/node-commands';

/** Seconds for one command. A command goes on when the connection is gone, so it has to end by itself. */
const COMMAND_SECONDS = 20;

export interface ScriptPart {
  readonly name: string;
  readonly argv: Argv;
}
/** Parts that are no command but read files of the kernel. */
export const SETTINGS_PART = 'sysctl';
export const KERNEL_PART = 'kernel';
export const LEGACY_PART = 'legacy';
export const LEGACY6_PART = 'legacy6';

/** /proc/sys gives all at the first read and nothing more, and some shells read byte by byte: hence cat, or tee. */
const HEAD = String.raw`
LC_ALL=C TZ=UTC
export LC_ALL TZ
has() { command -v "$1" >/dev/null 2>&1; }
limited() { if has timeout; then timeout "$seconds" "$@"; else "$@"; fi; }
counting=
if has tee && has wc && { printf '' | tee /dev/fd/3 >/dev/null; } 3>&1 2>/dev/null; then counting=yes; fi
begin() { printf '%s begin %s\n' "$word" "$1"; printf '%s begin %s\n' "$word" "$1" >&2; }
end() { printf '\n%s end %s %s %s\n' "$word" "$1" "$2" "$3"; printf '\n%s end %s\n' "$word" "$1" >&2; }
part() {
  name=$1
  shift
  begin "$name"
  if ! has "$1"; then
    printf '%s: not found\n' "$1" >&2
    end "$name" 127 0
  elif [ -n "$counting" ]; then
    exec 3>&1
    result=$({ { { limited "$@" 3>&- 4>&- 5>&-; echo "$?" >&4; } 4>&5 | tee /dev/fd/3 | wc -c; } 5>&1; })
    exec 3>&-
    end "$name" $result
  else
    limited "$@"
    end "$name" "$?" -
  fi
}
content() { if has cat; then cat; else tee; fi <"$1" 2>/dev/null; }
setting() { if [ -r "/proc/sys/$1" ] && value=$(content "/proc/sys/$1"); then printf '%s = %s\n' "$1" "$value"; fi; }
own() { begin "$1"; "$2"; end "$1" "$?" -; }
kernel() { content /proc/sys/kernel/osrelease; }
legacy() { content /proc/net/ip_tables_names; }
legacy6() { if [ -e /proc/net/ip6_tables_names ]; then content /proc/net/ip6_tables_names; else [ -r /proc/net/dev ]; fi; }
`;

/** @param word not in any output: random. @param withFiles also what the kernel tells in files */
export function execScript(word: string, parts: readonly ScriptPart[], withFiles: boolean): string {
  const perInterface = (['ipv4', 'ipv6'] as const).map(
    (family) =>
      `for folder in /proc/sys/net/${family}/conf/*; do for key in ${SYSCTLS_PER_INTERFACE[family].join(' ')}; do ` +
      `setting "net/${family}/conf/\${folder##*/}/$key"; done; done`,
  );
  const files = [
    `settings() { for key in ${SYSCTLS.map((key) => key.replaceAll('.', '/')).join(' ')}; do setting "$key"; done`,
    ...perInterface,
    'true; }',
    `own ${SETTINGS_PART} settings`,
    `own ${KERNEL_PART} kernel`,
    `if [ -r /proc/net/ip_tables_names ]; then own ${LEGACY_PART} legacy; fi`,
    `own ${LEGACY6_PART} legacy6`,
  ];
  return [
    `word=${word} seconds=${COMMAND_SECONDS}`,
    HEAD,
    ...parts.map(({ name, argv }) => `part ${name} ${argv.join(' ')}`),
    ...(withFiles ? files : []),
    `printf '%s done\\n' "$word"`,
    '',
  ].join('\n');
}

export interface PartOutput {
  readonly exitStatus: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** False where the container has no program that counts: only the end of the output is proven. */
  readonly counted: boolean;
}
/** `cut`: why the output cannot be trusted. */
export type ParsedScript = { readonly cut: string } | { readonly parts: ReadonlyMap<string, PartOutput> };

export function parseScript(word: string, stdout: Buffer, stderr: string): ParsedScript {
  const parts = new Map<string, PartOutput>();
  let at = 0;
  for (;;) {
    const line = lineAt(stdout, at);
    if (line === undefined) return { cut: 'the output ends before its last line' };
    if (line.text === `${word} done`) return { parts };
    const name = new RegExp(`^${word} begin (\\S+)$`).exec(line.text)?.[1];
    if (name === undefined) return { cut: 'the output has lines between its parts' };
    const mark = stdout.indexOf(`\n${word} end ${name} `, line.next);
    const last = mark < 0 ? undefined : lineAt(stdout, mark + 1);
    const ending = /(\d+) (\d+|-)$/.exec(last?.text ?? '');
    if (last === undefined || ending === null) return { cut: `${name} has no end` };
    const content = stdout.subarray(line.next, mark);
    const [, status, length] = ending;
    if (length !== '-' && Number(length) !== content.length)
      return { cut: `${name} has ${content.length} bytes of ${length}` };
    const said = stderrOf(word, name, stderr);
    parts.set(name, { exitStatus: Number(status), stdout: content, stderr: said, counted: length !== '-' });
    at = last.next;
  }
}

function lineAt(bytes: Buffer, from: number): { readonly text: string; readonly next: number } | undefined {
  const end = bytes.indexOf(10, from);
  return end < 0 ? undefined : { text: bytes.toString('utf8', from, end), next: end + 1 };
}

/** Standard error comes on a channel of its own, with the same lines. */
function stderrOf(word: string, name: string, stderr: string): string {
  const begin = `${word} begin ${name}\n`;
  const from = stderr.indexOf(begin);
  if (from < 0) return '';
  const end = stderr.indexOf(`\n${word} end ${name}\n`, from);
  return stderr.slice(from + begin.length, end < 0 ? undefined : Math.max(end, from + begin.length));
}
