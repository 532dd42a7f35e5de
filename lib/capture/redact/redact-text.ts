/** Texts of nft and iptables → the same with replaced names and addresses. */
import { parseAddress } from '../../net/address';
import { formatIp, prefixesOf } from './address-map';
import type { Words } from './words';

const TOKEN = /"(?:[^"\\]|\\.)*"|@?[\w./:+-]+/g;
const RANGE = /^([0-9a-fA-F.:]+)-([0-9a-fA-F.:]+)$/;
/** Bytes of a header by their offset, and gateways: their values are numbers, which may be addresses. */
const RAW_HEADER = /@(?:nh|ll),\d+,\d+|\bicmp gateway\b/;

/** Before a name of a user, a group or a label. */
const NAME_BEFORE =
  /\b(?:skuid|skgid|[io]ifgroup|rtclassid|cgroup|cgroupv2 level \d+|secmark|label|(?:meta|ct) mark)(?: set)?(?: !=| ==)? (?:\{[^}]*)?$/;

/** @param identifiers names of tables, chains, sets and other objects, by which they are known in the text */
export function redactNftText(text: string, words: Words, identifiers: ReadonlySet<string>): string {
  return text
    .split('\n')
    .map((line) => redactNftLine(line, words, identifiers))
    .join('\n');
}

function redactNftLine(line: string, words: Words, identifiers: ReadonlySet<string>): string {
  if (RAW_HEADER.test(line)) return line.replace(/\S.*?(?=( # handle \d+)?$)/, 'redacted');
  return line.replace(TOKEN, (token, offset: number) => {
    if (token.startsWith('"')) {
      const text = token.slice(1, -1);
      const before = line.slice(0, offset);
      if (words.isNamed(text) || NAME_BEFORE.test(before)) return `"${words.named(text)}"`;
      if (/\bsecmark-context $|\bcontext $/.test(before)) return '"redacted"';
      const isFree = /\b(comment|prefix) $/.test(before);
      return `"${isFree ? words.comment(text) : words.scrub(text)}"`;
    }
    const name = token.startsWith('@') ? token.slice(1) : token;
    if (identifiers.has(name)) return `${token.startsWith('@') ? '@' : ''}${words.identifier(name)}`;
    const [, from = '', to = ''] = RANGE.exec(token) ?? [];
    const [first, last] = [parseAddress(from), parseAddress(to)];
    if (first === undefined || last === undefined) return words.scrub(words.iptables.replace(token));
    const { addresses } = words.renaming;
    const parts = prefixesOf(first, last).map(({ address, len }) => {
      const isHost = len === (address.family === 'ip' ? 32 : 128);
      return isHost ? formatIp(addresses.ip(address)) : `${formatIp(addresses.network(address, len))}/${len}`;
    });
    const before = line.slice(0, offset);
    const isInSet = line.startsWith('\t\t\t') || before.lastIndexOf('{') > before.lastIndexOf('}');
    return isInSet ? parts.join(', ') : `{ ${parts.join(', ')} }`;
  });
}

const VALUE = String.raw`("(?:[^"\\]|\\.)*"|\S+)`;
const FREE_TEXT = new RegExp(`(--(?:comment|log-prefix|nflog-prefix) )${VALUE}`, 'g');
/** Long options whose values are numbers, addresses or words of iptables itself (iptables-extensions(8)). */
const PLAIN_OPTIONS: ReadonlySet<string> = new Set(
  (
    'comment log-prefix nflog-prefix sport dport sports dports ports source-port destination-port source-ports destination-ports ' +
    'tcp-flags tcp-option syn icmp-type icmpv6-type state ctstate ctstatus ctdir ctproto ctorigsrc ctorigdst ctreplsrc ctrepldst ' +
    'ctorigsrcport ctorigdstport ctreplsrcport ctrepldstport ctexpire mark nfmask ctmask mask set-mark set-xmark and-mark or-mark xor-mark ' +
    'save-mark restore-mark tproxy-mark on-ip on-port to-destination to-source to-ports to random random-fully persistent reject-with ' +
    'log-level log-tcp-sequence log-tcp-options log-ip-options log-uid log-macdecode nflog-group nflog-range nflog-size nflog-threshold ' +
    'src-type dst-type limit-iface-in limit-iface-out src-range dst-range mac-source limit limit-burst hashlimit-upto hashlimit-above ' +
    'hashlimit hashlimit-burst hashlimit-mode hashlimit-srcmask hashlimit-dstmask hashlimit-htable-size hashlimit-htable-max ' +
    'hashlimit-htable-expire hashlimit-htable-gcinterval hashlimit-rate-match hashlimit-rate-interval connlimit-upto connlimit-above ' +
    'connlimit-mask connlimit-saddr connlimit-daddr connbytes connbytes-dir connbytes-mode mode probability every packet length ttl ' +
    'ttl-eq ttl-lt ttl-gt ttl-set ttl-inc ttl-dec hl-eq hl-lt hl-gt hl-set hl-inc hl-dec tos set-tos and-tos or-tos xor-tos dscp ' +
    'dscp-class set-dscp set-dscp-class ecn-tcp-cwr ecn-tcp-ece ecn-ip-ect ecn-tcp-remove mss set-mss clamp-mss-to-pmtu pkt-type ' +
    'physdev-in physdev-out physdev-is-in physdev-is-out physdev-is-bridged rsource rdest set rcheck update remove seconds reap hitcount ' +
    'rttl algo from icase queue-num queue-balance queue-bypass queue-cpu-fanout zone zone-orig zone-reply notrack ctevents expevents ' +
    'helper set-class dir pol strict reqid spi proto tunnel-src tunnel-dst next gateway oif iif loose validmark accept-local invert ' +
    'transparent nowildcard restore-skmark socket-exists suppl-groups cpu quota src-group dst-group vaddr vproto vport vdir vportctl ' +
    'weekdays monthdays timestart timestop datestart datestop contiguous kerneltz utc checksum-fill ahspi ahlen ahres espspi ' +
    'rt rt-type rt-segsleft soft header chunk-types genre sack-perm timestamp wscale ecn hmark-tuple hmark-mod hmark-offset hmark-rnd ' +
    'label type code gen next-hop selctx return-nomatch packets-eq packets-lt packets-gt bytes-eq bytes-lt bytes-gt update-counters ' +
    'update-subcounters exist map-mark map-prio map-queue nat'
  )
    .split(' ')
    // Numbers of their own, which may stand for names of groups, labels and contexts.
    .filter((option) => !['src-group', 'dst-group', 'label', 'selctx'].includes(option)),
);
/** Those whose first value is a name: of a set, a list, a counter, a user, a policy or a group of interfaces. */
const NAMING_OPTIONS: ReadonlySet<string> = new Set(
  (
    'match-set add-set del-set map-set name hashlimit-name nfacct-name uid-owner gid-owner timeout src-group dst-group label rateest-name ' +
    'rateest rateest1 rateest2 led-trigger-id path cgroup'
  ).split(' '),
);
const OPTION = / --([a-z0-9-]+)((?: +(?! |-{1,2}[a-zA-Z]|!(?: |$))(?:"(?:[^"\\]|\\.)*"|\S+))+)/g;
/** Sets and lists of known programs: they say whose they are. */
const KNOWN_OWNER =
  /^(?:cali|felix-|KUBE-|WEAVE-|weave-|f2b-|DOCKER|ct_state_invalid_dropped_pkts$|localhost_nps_accepted_pkts$)/;
/** Without who and where. */
const HEADER =
  /^# (?:Generated|Completed)(?: by (?:arp|eb|ip|ip6)tables-(?:nft-|legacy-)?save v[\d.]+(?: \((?:nf_tables|legacy)\))?)?(?: on [A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]+ \d{4})?$/;
/** Ranges and masks with holes: no range and no such mask is one afterwards. The trace then knows that it does not know. */
const RANGES = /(--(?:src-range|dst-range|to-source|to-destination) )\S*[0-9a-fA-F\]]-\[?[0-9a-fA-F]*[.:]\S*/g;
const MASKS = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}\/\d{1,3}(?:\.\d{1,3}){3}/g;
const NAMED = /(^:| ?-A | -j | -g )(\S+)/g;
const PLACEHOLDER = 'redacted';

/** Numbers stay. */
function nameOf(name: string, words: Words): string {
  const plain = name.startsWith('"') ? name.slice(1, -1).replace(/\\(.)/g, '$1') : name;
  if (/^(?:0x[0-9a-fA-F]+|\d[\d:/x-]*)$/.test(plain)) return plain;
  return KNOWN_OWNER.test(plain) ? words.identifier(plain) : words.named(plain);
}

export function redactIptablesSave(text: string, words: Words): string {
  return text
    .split('\n')
    .map((line) => {
      if (line.startsWith('#')) return HEADER.test(line) ? line : '# redacted';
      if (line.startsWith('*')) return line;
      // What is replaced already is held back, so that it is not replaced again.
      const done: string[] = [];
      const hold = (text: string) => `\0${done.push(text) - 1}\0`;
      const rest = line
        .replace(FREE_TEXT, (_, option: string, value: string) => {
          const plain = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
          return option + hold(`"${words.comment(plain)}"`);
        })
        .replace(OPTION, (whole, option: string, values: string) => {
          if (PLAIN_OPTIONS.has(option)) return whole;
          const [first = '', ...more] = values.trim().split(/ (?=(?:[^"]*"[^"]*")*[^"]*$)/);
          if (!NAMING_OPTIONS.has(option)) return ` --${option} ${PLACEHOLDER}`;
          const blanks = /^ */.exec(values)?.[0] ?? ' ';
          const rest = more.map((one) => (/^(?:src|dst)(?:,(?:src|dst))*$/.test(one) ? ` ${one}` : ` ${PLACEHOLDER}`));
          return ` --${option}${blanks}${hold(nameOf(first, words))}${rest.join('')}`;
        })
        .replace(RANGES, `$1${PLACEHOLDER}`)
        .replace(MASKS, PLACEHOLDER)
        .replace(/( -j NETMAP .*--to )\S+/, `$1${PLACEHOLDER}`)
        .replace(NAMED, (_, option: string, name: string) => option + hold(words.identifier(name)));
      return words
        .scrub(words.iptables.replace(rest))
        .replace(/\0(\d+)\0/g, (_, index: string) => done[Number(index)] ?? '');
    })
    .join('\n');
}
