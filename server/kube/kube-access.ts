/** Where the API server is and what proves who asks: a context of a kubeconfig, or the service account of a pod. */
import 'server-only';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node';
import { failed, ok, type Result } from '@/lib/net/result';
import { type ExecPlugin, type PluginCredential, type PluginLimits, pluginCredential } from './exec-plugin';
import { kubeProblems } from './kube-problems';

/** Which cluster the user means. */
export type KubeChoice =
  /** Without a path: KUBECONFIG, else ~/.kube/config. Without a context: the current one. */
  | { readonly kind: 'kubeconfig'; readonly path?: string | undefined; readonly context?: string | undefined }
  | { readonly kind: 'in-cluster'; readonly folder?: string };

export interface Credentials {
  readonly headers: { readonly [name: string]: string };
  readonly agent: http.Agent;
  readonly tls: https.RequestOptions;
}
export interface KubeAccess {
  /** Name of the context; for people, and in `--source cluster:NAME`. */
  readonly context: string;
  readonly server: string;
  readonly inCluster: boolean;
  /** @param fresh not those of before: the API server refused them. Throws where a plugin fails or a file is gone. */
  credentials(fresh?: boolean): Promise<Credentials>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Renewed token files and expired tokens of plugins are seen within this time. */
const KEPT_MS = 10_000;
const WAIT_MS = 30_000;
/** client-go has had no others since 1.26. */
const AUTH_PROVIDERS: readonly (string | undefined)[] = ['oidc', 'tokenFile', undefined];

interface Loaded {
  readonly config: KubeConfig;
  /** By name of the cluster: what its plugins are told of it (extensions, client.authentication.k8s.io/exec). */
  readonly told: ReadonlyMap<string, unknown>;
}

export async function kubeAccess(choice: KubeChoice, limits?: PluginLimits): Promise<Result<KubeAccess>> {
  const load = async (): Promise<Loaded> =>
    choice.kind === 'in-cluster' ? inClusterConfig(choice.folder) : fileConfig(choice.path);
  let loaded: Loaded;
  try {
    loaded = await load();
  } catch (error) {
    const why = (error as Error).message;
    return failed(choice.kind === 'in-cluster' ? kubeProblems.notInCluster(why) : kubeProblems.noConfig(why));
  }
  const { config } = loaded;
  const known = config.getContexts().map(({ name }) => name);
  const context = (choice.kind === 'kubeconfig' ? choice.context : undefined) ?? config.getCurrentContext();
  if (!known.includes(context)) return failed(kubeProblems.noContext(context, known));
  config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) return failed(kubeProblems.noConfig(`context ${context} names a cluster that is not there`));
  if (!/^https?:\/\/./.test(cluster.server)) return failed(kubeProblems.noConfig(`${cluster.server} is no address`));
  const again = async () => {
    const fresh = await load();
    fresh.config.setCurrentContext(context);
    return fresh;
  };
  const server = cluster.server.replace(/\/+$/, '');
  return ok({ context, server, inCluster: choice.kind === 'in-cluster', credentials: keeper(loaded, again, limits) });
}

async function fileConfig(path: string | undefined): Promise<Loaded> {
  const usual = process.env.KUBECONFIG ?? `${process.env.HOME ?? ''}/.kube/config`;
  // Of several files those that are not there are left out (client-go: ClientConfigLoadingRules).
  const paths = path !== undefined ? [path] : usual.split(':').filter((one) => one !== '' && existsSync(one));
  if (paths.length === 0) throw new Error(`there is no ${usual}`);
  const [first, ...others] = await Promise.all(paths.map(loadFile));
  if (first === undefined) throw new Error(`there is no ${usual}`);
  for (const other of others) addTo(first.config, other.config);
  const told = new Map([first, ...others].reverse().flatMap((one) => [...one.told]));
  return { config: withoutTraps(first.config), told };
}

/** What two files say of one name, the first of them says; so it is with the current context. */
function addTo(config: KubeConfig, other: KubeConfig): void {
  const added = <T extends { readonly name: string }>(known: readonly T[], more: readonly T[]): T[] => [
    ...known,
    ...more.filter(({ name }) => !known.some((one) => one.name === name)),
  ];
  config.loadFromOptions({
    clusters: added(config.clusters, other.clusters),
    users: added(config.users, other.users),
    contexts: added(config.contexts, other.contexts),
    currentContext: config.currentContext || other.currentContext,
  });
}

interface WrittenCluster {
  readonly name?: string;
  readonly cluster?: { readonly extensions?: readonly { readonly name?: string; readonly extension?: unknown }[] };
}
interface WrittenUser {
  readonly user?: {
    readonly tokenFile?: string;
    readonly exec?: { readonly command?: string };
  };
}

interface WrittenConfig {
  readonly users?: readonly WrittenUser[];
  readonly clusters?: readonly WrittenCluster[];
}

/**
 * Paths in a kubeconfig are from its folder, also that of a program where it has a slash (client-go: ResolvePaths); the client does
 * so for certificates alone, and does not know tokenFile, which goes before token.
 */
async function loadFile(path: string): Promise<Loaded> {
  const { KubeConfig, loadYaml } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const folder = resolve(dirname(path));
  const text = readFileSync(path, 'utf8');
  const written = loadYaml(text) as WrittenConfig | null | undefined;
  const users = Array.isArray(written?.users) ? (written.users as readonly WrittenUser[]) : undefined;
  const isUsual = written === null || typeof written !== 'object' || users === undefined;
  config.loadFromString(
    isUsual ? text : JSON.stringify({ ...written, users: users.map((one) => withPaths(one, folder)) }),
  );
  config.makePathsAbsolute(folder);
  const clusters = Array.isArray(written?.clusters) ? (written.clusters as readonly WrittenCluster[]) : [];
  const told = clusters.flatMap(({ name, cluster }): readonly (readonly [string, unknown])[] => {
    const list = Array.isArray(cluster?.extensions) ? cluster.extensions : [];
    const own = list.find((one) => one.name === 'client.authentication.k8s.io/exec');
    return name === undefined || own === undefined ? [] : [[name, own.extension]];
  });
  return { config, told: new Map(told) };
}

function withPaths(entry: WrittenUser, folder: string): object {
  const { tokenFile, exec, ...user } = entry.user ?? {};
  const program = exec?.command?.includes('/') === true ? resolve(folder, exec.command) : exec?.command;
  const file = tokenFile === undefined || tokenFile === '' ? undefined : resolve(folder, tokenFile);
  return {
    ...entry,
    user: {
      ...user,
      ...(exec !== undefined && exec !== null && { exec: { ...exec, command: program } }),
      ...(file !== undefined && {
        token: undefined,
        'auth-provider': { name: 'tokenFile', config: { tokenFile: file } },
      }),
    },
  };
}

/** The kubelet names the API server in the environment of every pod, and renews the token's file. */
async function inClusterConfig(folder = SERVICE_ACCOUNT): Promise<Loaded> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env;
  if (host === undefined) throw new Error('there is no KUBERNETES_SERVICE_HOST');
  for (const file of ['token', 'ca.crt']) readFileSync(`${folder}/${file}`);
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  config.loadFromOptions({
    clusters: [{ name: 'cluster', server, caFile: `${folder}/ca.crt`, skipTLSVerify: false }],
    // Read again by the client: the kubelet renews it.
    users: [{ name: 'pod', authProvider: { name: 'tokenFile', config: { tokenFile: `${folder}/token` } } }],
    contexts: [{ name: 'in-cluster', cluster: 'cluster', user: 'pod' }],
    currentContext: 'in-cluster',
  });
  return { config, told: new Map() };
}

/** The client refuses http without skipTLSVerify, and applies no CA where a context has no user. */
function withoutTraps(config: KubeConfig): KubeConfig {
  const clusters = config.clusters.map((one) => ({
    ...one,
    skipTLSVerify: one.skipTLSVerify === true || one.server.startsWith('http:'),
  }));
  const nobody: User = { name: '' };
  const users = [...config.users, nobody];
  const known = new Set(users.map(({ name }) => name));
  const contexts = config.contexts.map((one) => (known.has(one.user) ? one : { ...one, user: '' }));
  config.loadFromOptions({ clusters, users, contexts, currentContext: config.currentContext });
  return config;
}

function keeper(
  first: Loaded,
  again: () => Promise<Loaded>,
  limits: PluginLimits | undefined,
): KubeAccess['credentials'] {
  let loaded = first;
  let kept: { until: number; readonly credentials: Promise<Credentials> } | undefined;
  let agent: { readonly key: string; readonly agent: http.Agent } | undefined;
  let given: PluginCredential | undefined;
  const make = async (fresh: boolean): Promise<Credentials> => {
    // Anew: the client keeps tokens in the config.
    if (fresh) loaded = await again();
    const { config } = loaded;
    const user = config.getCurrentUser();
    const options: https.RequestOptions & { auth?: string | null } = {};
    if (user?.exec !== undefined && user.exec !== null) {
      if (fresh || given === undefined || given.until <= Date.now())
        given = await pluginCredential(user.exec as ExecPlugin, toldOf(loaded), limits);
      await withUser(config, { ...user, exec: undefined }).applyToHTTPSOptions(options);
      const { token, cert, key } = given;
      if (token !== undefined) options.headers = { ...options.headers, authorization: `Bearer ${token}` };
      if (cert !== undefined) Object.assign(options, { cert, key });
    } else {
      const provider = user?.authProvider?.name;
      if (!AUTH_PROVIDERS.includes(provider))
        throw new Error(`there is no auth provider ${provider} any longer: its exec plugin takes its place`);
      await withinTime(config.applyToHTTPSOptions(options), WAIT_MS);
    }
    const { ca, cert, key, passphrase, rejectUnauthorized, servername } = options;
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, passphrase, rejectUnauthorized, servername }).filter(
        ([, one]) => one !== undefined,
      ),
    );
    checkPems(tls);
    const server = config.getCurrentCluster();
    const identity = createHash('sha256')
      .update(JSON.stringify([server?.server, server?.proxyUrl, tls]))
      .digest('hex');
    if (agent?.key !== identity) {
      agent = { key: identity, agent: agentFor(server?.server ?? '', server?.proxyUrl, tls, options.agent) };
    }
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      // A token file ends with a newline, which no header may have.
      headers[name.toLowerCase()] = String(value).trim();
    }
    if (options.auth) headers.authorization ??= `Basic ${Buffer.from(options.auth).toString('base64')}`;
    return { headers, agent: agent.agent, tls };
  };
  return (fresh = false) => {
    if (!fresh && kept !== undefined && kept.until > Date.now()) return kept.credentials;
    const credentials = make(fresh);
    // Who asks while they are made waits for the same.
    const mine = { until: Number.POSITIVE_INFINITY, credentials };
    kept = mine;
    credentials.then(
      () => {
        mine.until = Math.min(Date.now() + KEPT_MS, given?.until ?? Number.POSITIVE_INFINITY);
      },
      () => {
        if (kept === mine) kept = undefined;
      },
    );
    return credentials;
  };
}

/** Node throws where such a file is first used, with words of OpenSSL alone. */
function checkPems({ ca, cert, key, passphrase }: https.RequestOptions): void {
  for (const [what, options] of [
    ['certificate-authority', { ca }],
    ['client certificate', { cert, key, passphrase }],
  ] as const) {
    try {
      createSecureContext(options);
    } catch (error) {
      throw new Error(`the ${what} cannot be used: ${(error as Error).message}`);
    }
  }
}

function withUser(config: KubeConfig, user: User): KubeConfig {
  const made = Object.assign(Object.create(Object.getPrototypeOf(config) as object), config) as KubeConfig;
  made.users = [user, ...config.users.filter(({ name }) => name !== user.name)];
  return made;
}

/** `spec.cluster` of ExecCredential (client-go: ConfigToExecCluster). */
function toldOf({ config, told }: Loaded): object {
  const cluster = config.getCurrentCluster();
  if (cluster === null) return {};
  const { server, tlsServerName, proxyUrl, skipTLSVerify, name } = cluster;
  const ca = caOf(cluster);
  const own = told.get(name);
  return {
    server,
    ...(tlsServerName !== undefined && { 'tls-server-name': tlsServerName }),
    ...(skipTLSVerify && !server.startsWith('http:') && { 'insecure-skip-tls-verify': true }),
    ...(ca !== undefined && { 'certificate-authority-data': ca }),
    ...(proxyUrl !== undefined && { 'proxy-url': proxyUrl }),
    ...(own !== undefined && { config: own }),
  };
}

/** Base64 of PEM, as in the kubeconfig. */
function caOf({ caData, caFile }: Cluster): string | undefined {
  if (caData !== undefined && caData !== '') return caData;
  return caFile === undefined || caFile === '' ? undefined : readFileSync(caFile).toString('base64');
}

/** One agent for all requests, so that connections are used again. Free sockets do not keep the process alive. */
function agentFor(server: string, proxy: string | undefined, tls: object, made: unknown): http.Agent {
  if (proxy !== undefined && proxy !== '') return made as http.Agent;
  const options = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 32 };
  return server.startsWith('http:') ? new http.Agent(options) : new https.Agent({ ...options, ...tls });
}

async function withinTime(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no credentials within ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
