/**
 * How the text of nft differs from version to version. Measured on nft 1.0.6, 1.1.3 and 1.1.7; a version in between is taken
 * for the newer form from 1.1.0 and from 1.1.4 on. Without a version the newest forms hold.
 */

export interface Dialect {
  /** 1.1: `limit … burst 5 packets`; before, the default burst of packet limits was not shown. */
  readonly defaultBurst: boolean;
  /** 1.1: `tcp flags & (fin | syn) == syn`; before: `tcp flags syn / fin,syn`. */
  readonly maskAsBinary: boolean;
  /** 1.1: `established : 1m40s`; before: `established : 100`. */
  readonly timeoutAsDuration: boolean;
  /** 1.1: `dstnat` on the output hook and `srcnat` on input. */
  readonly natPriorityOnLocalHooks: boolean;
  /** 1.1: `ip frag-off 0x1fff`; before, decimal. */
  readonly fragOffHex: boolean;
  /** 1.1.7: `fib … check exists`; before: `fib … oif exists`. */
  readonly fibCheck: boolean;
  /** 1.1.7: `devices = { "eth0" }`; before, without quotes. */
  readonly quotedDevices: boolean;
  /** 1.1: `xt match "physdev"`; before, without quotes. */
  readonly quotedXt: boolean;
  /** 1.1.7: `size 100<TAB># count 1`. */
  readonly setCount: boolean;
  /** 1.1: maps, and sets whose elements carry more than a value, have one element per line. */
  readonly richElementPerLine: boolean;
  /** 1.1: a masked field wider than a byte keeps its parentheses where its bytes are swapped for a host-order target. */
  readonly swapKeepsParentheses: boolean;
  /** 1.1: `meta mark >> 8 & 0xf`; before, the constants kept the form of the shifted field: `0x0000000f`. */
  readonly shiftedInHex: boolean;
  /** 1.1: `tproxy to :PORT` with a port from a map; before, nft left the port out. */
  readonly tproxyPortMap: boolean;
}

function parseVersion(version: string): readonly [number, number, number] | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** The dialect of a version as metainfo names it, `1.0.6`. */
export function dialectOf(version: string | undefined): Dialect {
  const [major, minor, patch] = (version === undefined ? undefined : parseVersion(version)) ?? [1, 1, 7];
  const number = major * 1_000_000 + minor * 1000 + patch;
  const v110 = number >= 1_001_000;
  const v114 = number >= 1_001_004;
  return {
    defaultBurst: v110,
    maskAsBinary: v110,
    timeoutAsDuration: v110,
    natPriorityOnLocalHooks: v110,
    fragOffHex: v110,
    fibCheck: v114,
    quotedDevices: v114,
    quotedXt: v110,
    setCount: v114,
    richElementPerLine: v110,
    swapKeepsParentheses: v110,
    shiftedInHex: v110,
    tproxyPortMap: v110,
  };
}
