/** The script that writes a node's part of a capture where there is no Node.js: POSIX sh, nft and ip; the rest where it is present. */

export interface ScriptCommands {
  /** Each file with the commands whose outputs, joined, are its content. */
  readonly files: readonly (readonly [file: string, ...commands: (readonly string[])[]])[];
  readonly sysctls: readonly string[];
  readonly sysctlsPerInterface: { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] };
}

/** @param commands what is read, the same as on a host with nftscope */
export function captureScript({ files, sysctls, sysctlsPerInterface }: ScriptCommands): string {
  const readings = files.map(([file, ...commands]) =>
    commands.map((argv, index) => `${index === 0 ? 'reading' : 'more'} ${file} ${argv.join(' ')}`).join('\n'),
  );
  const perInterface = (['ipv4', 'ipv6'] as const).map(
    (family) => `interface_settings ${family} '${sysctlsPerInterface[family].join(' ')}'`,
  );
  return `${HEAD}
${readings.join('\n')}
${XT}
{
${folded(
  'settings',
  sysctls.map((key) => `/proc/sys/${key.replaceAll('.', '/')}`),
)}
${perInterface.join('\n')}
} >"$part/sysctl.txt"
${TAIL}`;
}

/** A command with many words, on lines of about a hundred characters. */
function folded(command: string, words: readonly string[]): string {
  const lines = [command];
  for (const word of words) {
    const line = lines.at(-1) ?? '';
    if (line.length + word.length < 100) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines.join(' \\\n');
}

const HEAD = String.raw`#!/bin/sh
# Writes what nftscope needs to know of this node: NODE's part of a capture. Run it as root in the node's network namespace.
# It only reads, and loads no kernel module.
#
#   sh capture.sh [-n NODE] [FOLDER]    writes FOLDER/nodes/NODE (default: ./nftscope-capture)
#   sh capture.sh [-n NODE] - >F.tar    writes an archive to standard output; needs tar
#
# Needs nft and ip. Uses conntrack, ss, iptables-nft-save and iptables-legacy-save where they are.
# Exit status: 0 written; 1 written, but the ruleset cannot be read; 2 nothing was written.

LC_ALL=C TZ=UTC
export LC_ALL TZ
umask 077
limit_seconds=60

say() { printf '%s\n' "capture.sh: $*" >&2; }
give_up() { say "$*"; exit 2; }

node=
if [ "$1" = -n ]; then
  node=$2
  [ $# -ge 2 ] || give_up "-n needs a name"
  shift 2
fi
[ $# -le 1 ] || give_up "what is $2?"
case $1 in
-?*) give_up "there is no option $1" ;;
esac
[ -n "$node" ] || node=$NODE_NAME
[ -n "$node" ] || node=$(uname -n)
case $node in
'' | .* | */* | *\\*) give_up "$node cannot be the name of a node: give -n NODE" ;;
esac
command -v nft >/dev/null || give_up "there is no nft here"
command -v ip >/dev/null || give_up "there is no ip here"

work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
out=${'$'}{1:-nftscope-capture}
if [ "$out" = - ]; then
  command -v tar >/dev/null || give_up "there is no tar here: give a folder"
  out=${'$'}{TMPDIR:-/tmp}/nftscope-capture.$$
  mkdir "$out" || exit 2
  work=$out is_stream=1
else
  [ ! -e "$out/nodes/$node" ] || give_up "$out/nodes/$node is there already"
  mkdir -p "$out/nodes" || exit 2
  work=$out/.partial.$$ is_stream=
fi
mkdir -p "$out/nodes" "$out/.partial.$$" || exit 2
# What is in nodes/ is complete: it is written elsewhere and moved.
part=$out/.partial.$$/node
mkdir "$part" || exit 2
errors=$out/.partial.$$/errors
words=$out/.partial.$$/stderr
: >"$errors"

# GNU and busybox, but not every busybox, take the seconds as the first word.
limit=
if timeout 5 true 2>/dev/null; then limit="timeout $limit_seconds"; fi

# Text on standard input as the inside of a JSON string.
json() {
  dd bs=4000 count=1 2>/dev/null | tr -d '\000-\010\013-\037\177' | sed -e 's/[\\"]/\\&/g' -e 's/	/\\t/g' |
    sed -e ':a' -e '$!{' -e 'N' -e 'ba' -e '}' -e 's/\n/\\n/g' | tr -d '\n'
}

# failed FILE STATUS COMMAND…: an entry of errors.json; the error output is in $words
failed() {
  failed_file=$1 failed_status=$2
  shift 2
  [ ! -s "$errors" ] || printf ',\n' >>"$errors"
  {
    printf '  "%s": {"command": "' "$failed_file"
    printf '%s' "$*" | json
    printf '", "exitStatus": %s, "stderr": "' "$failed_status"
    json <"$words"
    printf '"}'
  } >>"$errors"
  rm -f "$part/$failed_file"
  broken="$broken $failed_file"
  say "$failed_file: $* failed ($failed_status)"
}

# more FILE COMMAND…: adds the output to the file, unless a reading of it failed before
more() {
  file=$1
  shift
  case " $broken " in
  *" $file "*) return ;;
  esac
  if ! command -v "$1" >/dev/null; then
    printf '%s: not found' "$1" >"$words"
    failed "$file" 127 "$@"
    return
  fi
  $limit "$@" >>"$part/$file" 2>"$words"
  status=$?
  # 124: GNU timeout; 143: busybox, or death by SIGTERM.
  if [ -n "$limit" ] && { [ $status -eq 124 ] || [ $status -eq 143 ]; }; then
    printf 'stopped after %s s' "$limit_seconds" >"$words"
    failed "$file" null "$@"
  elif [ $status -ne 0 ]; then
    failed "$file" $status "$@"
  fi
}

# reading FILE COMMAND…: the output of the command is the file
reading() {
  : >"$part/$1"
  more "$@"
}

# settings PATH…: as sysctl(8) prints them: dots between the parts, a slash for a dot within one. What is not there is left out.
# Not by the shell's own read: it takes byte by byte, and these files give all of it or nothing.
settings() {
  grep -s '' "$@" /dev/null | sed -e 's#^/proc/sys/##' -e 's#:# = #' -e 'y#./	#/. #'
}
interface_settings() {
  family=$1 keys=$2
  for path in "/proc/sys/net/$family/conf"/*; do
    [ -d "$path" ] || continue
    set --
    for key in $keys; do set -- "$@" "$path/$key"; done
    settings "$@"
  done
}

broken=
captured_at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
say "reading $node"`;

const XT = `
# Parameters of xt expressions, which nft does not print. The legacy programs load kernel modules: they are not asked here.
if grep -q '"xt"' "$part/nft.json" 2>/dev/null; then
  for family in '' 6; do
    save=ip\${family}tables-nft-save
    if ! command -v $save >/dev/null && ip\${family}tables-save --version 2>/dev/null | grep -q nf_tables; then
      save=ip\${family}tables-save
    fi
    reading ip\${family}tables-save.txt $save
  done
fi

# Tables of legacy iptables. Where the kernel has some, its modules are loaded already.
for family in '' 6; do
  names=ip\${family}_tables_names
  if [ -r /proc/net/$names ]; then
    cat /proc/net/$names >"$part/$names.txt"
    if [ -s "$part/$names.txt" ] && command -v ip\${family}tables-legacy-save >/dev/null; then
      reading ip\${family}tables-legacy-save.txt ip\${family}tables-legacy-save
    fi
  # Without the module there is no file, and there are no tables.
  elif [ -r /proc/net/dev ] && [ ! -e /proc/net/$names ] && [ "$family" = 6 ]; then
    : >"$part/$names.txt"
  fi
done
`;

const TAIL = String.raw`
version=$(nft --version 2>/dev/null | sed -n 's/^[^0-9]*v\([0-9][0-9.]*\).*/\1/p')
{
  printf '{'
  [ -z "$version" ] || printf '"nft": "%s", ' "$version"
  printf '"kernel": "%s"}\n' "$(uname -r | json)"
} >"$part/versions.json"
printf '{"format": 1, "capturedAt": "%s"}\n' "$captured_at" >"$part/capture.json"
if [ -s "$errors" ]; then
  {
    printf '{\n'
    cat "$errors"
    printf '\n}\n'
  } >"$part/errors.json"
fi

mv "$part" "$out/nodes/$node" || exit 2
rm -rf "$out/.partial.$$"
if [ -n "$is_stream" ]; then
  (cd "$out" && tar -cf - nodes) || exit 2
else
  say "written: $out/nodes/$node"
fi
case " $broken " in
*" nft.json "*) exit 1 ;;
esac
exit 0
`;
