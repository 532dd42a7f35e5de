/** The sources that a server starts with. */
import 'server-only';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, isAbsolute, join, relative } from 'node:path';
import type { Problem } from '@/lib/net/result';
import { type ClusterSettings, openCluster } from '../kube/open-cluster';
import { hostSource, nftAnswers } from '../sources/host-source';
import { openPath } from '../sources/open-source';
import { DEFAULT_LIMITS } from '../sources/source';
import { Store } from './store';

export interface Configured {
  readonly store: Store;
  /** Sources that cannot be opened. */
  readonly broken: readonly { readonly name: string; readonly problem: Problem }[];
}

/** Captures of one's own may be larger than an upload. */
const OWN_LIMITS = { ...DEFAULT_LIMITS, packedBytes: 1e9, unpackedBytes: 4e9 };

/**
 * The captures of NFTSCOPE_SOURCES (a JSON array of paths) and the clusters of NFTSCOPE_CLUSTERS (a JSON array of settings); without
 * any the demo; and this host where nft answers.
 */
export async function configuredStore(signal: AbortSignal): Promise<Configured> {
  const store = new Store();
  const paths = configuredPaths();
  const broken: { readonly name: string; readonly problem: Problem }[] = [];
  for (const path of paths) {
    const opened = await openPath(path, OWN_LIMITS, basename(path));
    if (opened.ok) store.add(idOf(path), opened.value, 'configured', argumentOf(path));
    else broken.push({ name: basename(path), problem: opened.problem });
  }
  const clusters = configuredClusters();
  for (const settings of clusters) {
    const opened = await openCluster(settings);
    const name = settings.context ?? (settings.inCluster === true ? 'in-cluster' : 'cluster');
    if (opened.ok) {
      const context = opened.value.describe().name;
      store.add(clusterId(context), opened.value, 'cluster', `cluster:${context}`);
    } else broken.push({ name, problem: opened.problem });
  }
  if (paths.length === 0 && clusters.length === 0) {
    const demo = demoPath();
    const opened = demo === undefined ? undefined : await openPath(demo, DEFAULT_LIMITS);
    if (demo !== undefined && opened?.ok) store.add('demo', opened.value, 'demo', argumentOf(demo));
  }
  if (await nftAnswers(signal)) store.add('host', hostSource(), 'host', 'host');
  return { store, broken };
}

function configuredPaths(): readonly string[] {
  const text = process.env.NFTSCOPE_SOURCES;
  if (text === undefined || text === '') return [];
  const json: unknown = JSON.parse(text);
  if (!Array.isArray(json) || json.some((path) => typeof path !== 'string')) {
    throw new Error('NFTSCOPE_SOURCES is no JSON array of paths');
  }
  return json;
}

function configuredClusters(): readonly ClusterSettings[] {
  const text = process.env.NFTSCOPE_CLUSTERS;
  if (text === undefined || text === '') return [];
  const json: unknown = JSON.parse(text);
  if (!Array.isArray(json)) throw new Error('NFTSCOPE_CLUSTERS is no JSON array');
  return json as readonly ClusterSettings[];
}

/** As it is named where the server was started; of a path that is not below that only the file, for no answer tells the others. */
function argumentOf(path: string): string {
  const below = relative(process.env.NFTSCOPE_STARTED_IN ?? process.cwd(), path);
  return below === '' ? '.' : below.startsWith('..') || isAbsolute(below) ? basename(path) : below;
}

/** Contexts may have any characters: `cluster-prod-1f2e3d4c`. */
const clusterId = (context: string): string => `cluster-${idOf(context)}`;

function demoPath(): string | undefined {
  const root = process.env.NFTSCOPE_ROOT ?? process.cwd();
  const path = join(/* turbopackIgnore: true */ root, 'public', 'demo', 'shop-3node.tar.gz');
  return existsSync(/* turbopackIgnore: true */ path) ? path : undefined;
}

/** `shop-3node-1f2e3d4c`: readable, and stable for the same path. */
function idOf(path: string): string {
  const name = basename(path)
    .replace(/\.(tar\.gz|tgz|tar|json)$/i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-');
  return `${name}-${createHash('sha256').update(path).digest('hex').slice(0, 8)}`;
}
