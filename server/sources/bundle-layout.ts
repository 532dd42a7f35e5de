/** Where things are in a bundle, whatever holds it: paths in, roles out. */
import 'server-only';
import { CLUSTER_FILES, ERRORS_FILE, NODE_FILES } from '@/lib/world/capture-files';

const NODE_NAMES: ReadonlySet<string> = new Set([...NODE_FILES.map((file) => file.name), ERRORS_FILE]);
const CLUSTER_NAMES: ReadonlySet<string> = new Set([...CLUSTER_FILES.map((file) => file.name), ERRORS_FILE]);

/** Connections that were measured in the cluster when it was captured. */
export const MEASURED_FILE = 'connectivity.json';

/** What a path in a bundle is; undefined for files that nobody asked for. */
export type Role =
  | { readonly kind: 'node'; readonly node: string; readonly file: string }
  | { readonly kind: 'cluster'; readonly file: string }
  | { readonly kind: 'bundle'; readonly file: 'capture.json' | typeof MEASURED_FILE };

/** @param path relative, with `/`, without the top folder */
export function roleOf(path: string): Role | undefined {
  const [first, second, third, ...rest] = path.split('/');
  if (rest.length > 0) return undefined;
  if ((first === 'capture.json' || first === MEASURED_FILE) && second === undefined)
    return { kind: 'bundle', file: first };
  if (first === 'cluster' && second !== undefined && third === undefined && CLUSTER_NAMES.has(second)) {
    return { kind: 'cluster', file: second };
  }
  if (first === 'nodes' && second !== undefined && third !== undefined && NODE_NAMES.has(third)) {
    return { kind: 'node', node: second, file: third };
  }
  return undefined;
}

/** The folder that all is under, with its slash: empty, or the one top folder. Undefined: this is no capture. */
export function topFolder(paths: Iterable<string>): string | undefined {
  const tops = new Set<string>();
  const captures = new Set<string>();
  for (const path of paths) {
    const [first = '', second] = path.split('/');
    if (first === 'nodes' || first === 'cluster') return '';
    tops.add(first);
    if (second === 'nodes' || second === 'cluster') captures.add(first);
  }
  const [top] = captures;
  return top !== undefined && captures.size === 1 ? `${top}/` : undefined;
}

/** Why an archive may not hold an entry of this name; undefined when it may. */
export function forbiddenName(name: string): string | undefined {
  if (name === '' || name.includes('\0')) return 'has no usable name';
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) return 'is an absolute path';
  if (name.includes('\\')) return 'has a backslash in its name';
  if (name.split('/').includes('..')) return 'leads out of the bundle';
  return undefined;
}

/** `./nodes//a/` → `nodes/a` */
export const normalPath = (name: string): string =>
  name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
