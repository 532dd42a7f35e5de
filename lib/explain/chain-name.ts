/**
 * The parts of a name that kube-proxy made: `service-WEZGB4Y6-shop/api/tcp/http`. Prefix and hash are for the machine,
 * the meaning is for people.
 */
export interface NameParts {
  /** `service-`, `endpoint-`, …; empty where the name has no such form. */
  readonly prefix: string;
  /** `WEZGB4Y6-` */
  readonly hash: string;
  /** `shop/api/tcp/http`, or the whole name. */
  readonly meaning: string;
}

const KUBE_PROXY_NAME = /^((?:service|endpoint|external|local|firewall|affinity)-)([A-Z2-7]{8}-)(.+)$/;

export function splitName(name: string): NameParts {
  const found = KUBE_PROXY_NAME.exec(name);
  if (found === null) return { prefix: '', hash: '', meaning: name };
  const [, prefix = '', hash = '', meaning = ''] = found;
  return { prefix, hash, meaning };
}

/** The parts of a name that fit into `max` characters: the hash goes first, then the prefix, then the beginning; the end never. */
export function fitName(name: string, max: number): NameParts {
  const parts = splitName(name);
  if (name.length <= max) return parts;
  const { prefix, hash, meaning } = parts;
  if (hash !== '' && prefix.length + 1 + meaning.length <= max) return { ...parts, hash: '…' };
  const kept = meaning.length < max && hash !== '' ? meaning : meaning.slice(-Math.max(1, max - 1));
  return { prefix: '', hash: '…', meaning: kept };
}

/** `shop/api/tcp/http` → `shop`: the namespace of the Service a chain belongs to. */
export function serviceNamespace(name: string): string | undefined {
  const { hash, meaning } = splitName(name);
  const slash = meaning.indexOf('/');
  return hash === '' || slash === -1 ? undefined : meaning.slice(0, slash);
}
