/** Programs that give the credentials of a kubeconfig's user (client.authentication.k8s.io: ExecCredential). */
import 'server-only';
import { type ChildProcess, spawn } from 'node:child_process';
import { at, decoding, parseJson } from '@/lib/net/json-cursor';

/** As written in the kubeconfig. */
export interface ExecPlugin {
  readonly command?: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly apiVersion?: string;
  readonly provideClusterInfo?: boolean;
  readonly installHint?: string;
}
export interface PluginCredential {
  readonly token: string | undefined;
  /** PEM. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Milliseconds since 1970. Infinity: until it is refused (client-go: exec.go). */
  readonly until: number;
}
export interface PluginLimits {
  readonly milliseconds: number;
}
const PLUGIN_LIMITS: PluginLimits = { milliseconds: 30_000 };
const OUTPUT_BYTES = 1e6;
const SAID_CHARACTERS = 500;

/** @param cluster `spec.cluster`, told where the plugin asks for it. Throws with a sentence that names the program. */
export async function pluginCredential(
  plugin: ExecPlugin,
  cluster: object,
  { milliseconds }: PluginLimits = PLUGIN_LIMITS,
): Promise<PluginCredential> {
  const { command, args, env, apiVersion, provideClusterInfo, installHint } = plugin;
  if (command === undefined || command === '') throw new Error('the plugin of the kubeconfig has no command');
  const spec = { interactive: false, ...(provideClusterInfo === true && { cluster }) };
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
  const own = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
  const ran = await run(command, args ?? [], { ...process.env, ...own, KUBERNETES_EXEC_INFO: info }, milliseconds);
  const hint = installHint === undefined || installHint === '' ? '' : `; ${installHint.trim()}`;
  if (ran.kind === 'not-started') throw new Error(`the plugin ${command} cannot be started: ${ran.why}${hint}`);
  if (ran.kind === 'late') throw new Error(`the plugin ${command} was ended: not done within ${milliseconds / 1000} s`);
  if (ran.kind === 'too-much') throw new Error(`the plugin ${command} was ended: more than ${OUTPUT_BYTES} bytes`);
  const { status, stdout, stderr } = ran;
  if (status !== 0) {
    const said = stderr.trim().slice(-SAID_CHARACTERS);
    throw new Error(`the plugin ${command} ended with ${status}${said === '' ? '' : `: ${said}`}`);
  }
  const json = parseJson(stdout);
  const credential = json.ok ? credentialOf(json.value) : undefined;
  if (credential === undefined)
    throw new Error(`the plugin ${command} printed no ExecCredential with a token or a certificate`);
  return credential;
}

function credentialOf(value: unknown): PluginCredential | undefined {
  const decoded = decoding(() => {
    const status = at(value).key('status');
    const word = (name: string) => status.optional(name)?.string() || undefined;
    const expires = word('expirationTimestamp');
    return {
      token: word('token'),
      cert: word('clientCertificateData'),
      key: word('clientKeyData'),
      until: expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires) || 0,
    };
  });
  if (!decoded.ok) return undefined;
  const { token, cert, key } = decoded.value;
  return token !== undefined || (cert !== undefined && key !== undefined) ? decoded.value : undefined;
}

type Ran =
  | { readonly kind: 'ended'; readonly status: number | string; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'not-started'; readonly why: string }
  | { readonly kind: 'late' }
  | { readonly kind: 'too-much' };

/** With a group of its own, so that what it started ends with it, also where it has to be ended. */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, milliseconds: number): Promise<Ran> {
  return new Promise((resolve) => {
    const letGo = onEnd(() => endGroup(child));
    const child = started(
      () => spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true }),
      letGo,
    );
    let stdout = '';
    let stderr = '';
    const settle = (ran: Ran) => {
      clearTimeout(timer);
      letGo();
      endGroup(child);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(ran);
    };
    const timer = setTimeout(() => settle({ kind: 'late' }), milliseconds);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.length > OUTPUT_BYTES) settle({ kind: 'too-much' });
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-OUTPUT_BYTES);
    });
    child.once('error', (error) => settle({ kind: 'not-started', why: error.message }));
    child.once('close', (status, signal) => settle({ kind: 'ended', status: status ?? `${signal}`, stdout, stderr }));
  });
}

/** What cannot even be tried (a zero byte in an argument) throws, and leaves no listener behind. */
function started<T>(start: () => T, letGo: () => void): T {
  try {
    return start();
  } catch (error) {
    letGo();
    throw error;
  }
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/**
 * In a group of its own a plugin does not hear the terminal: who ends this process ends the plugin too. Listens before the plugin is
 * started, so that no signal comes between.
 */
function onEnd(end: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const heard = (signal: NodeJS.Signals) => {
    letGo();
    end();
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const letGo = () => {
    for (const signal of signals) process.off(signal, heard);
  };
  for (const signal of signals) process.on(signal, heard);
  return letGo;
}
