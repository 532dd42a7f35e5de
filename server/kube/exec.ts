/**
 * Runs a command in a container through the API server: the exec subresource over WebSocket, channels 1 to 3 of
 * v4 and v5.channel.k8s.io. Frames are taken as they come, so nothing is buffered elsewhere when the status arrives; a
 * connection that ends without a status is a failure, also when it ends in order.
 */
import 'server-only';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { at, decoding, parseJson } from '@/lib/net/json-cursor';
import type { KubeAccess } from './kube-access';
import { readBody, reasonOf, troubleOf } from './kube-client';
import { type Answer, type Trouble, troubled } from './trouble';

export interface ExecTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}
export interface ExecLimits {
  /** Of the whole command. The command itself needs a limit of its own: closing the connection does not end it. */
  readonly milliseconds: number;
  readonly stdoutBytes: number;
  readonly pingMs: number;
}
export const EXEC_LIMITS: ExecLimits = { milliseconds: 180_000, stdoutBytes: 256e6, pingMs: 10_000 };
export interface ExecOutput {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Null: the container runtime could not run it; `said` is why. */
  readonly exitStatus: number | null;
  readonly said: string;
}

const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const STDERR_BYTES = 256e3;
/** After the status nothing more is due; some servers do not close. */
const LINGER_MS = 2000;

export async function exec(
  access: KubeAccess,
  target: ExecTarget,
  command: readonly string[],
  limits: ExecLimits,
  signal: AbortSignal,
): Promise<Answer<ExecOutput>> {
  for (const fresh of [false, true]) {
    const answer = await once(access, target, command, limits, signal, fresh);
    if (answer.ok || answer.trouble.kind !== 'unauthorized' || answer.trouble.why !== undefined) return answer;
  }
  return troubled({ kind: 'unauthorized' });
}

async function once(
  access: KubeAccess,
  { namespace, pod, container }: ExecTarget,
  command: readonly string[],
  limits: ExecLimits,
  signal: AbortSignal,
  fresh: boolean,
): Promise<Answer<ExecOutput>> {
  if (signal.aborted) return troubled({ kind: 'cancelled' });
  let credentials: Awaited<ReturnType<KubeAccess['credentials']>>;
  try {
    credentials = await access.credentials(fresh);
  } catch (error) {
    return troubled({ kind: 'unauthorized', why: (error as Error).message });
  }
  const query = new URLSearchParams({ container, stdout: 'true', stderr: 'true', stdin: 'false', tty: 'false' });
  for (const word of command) query.append('command', word);
  const url = `${access.server.replace(/^http/, 'ws')}/api/v1/namespaces/${namespace}/pods/${pod}/exec?${query}`;
  const { headers, agent, tls } = credentials;
  let ws: WebSocket;
  try {
    ws = new WebSocket(url, PROTOCOLS, {
      ...tls,
      agent,
      headers: { 'user-agent': 'nftscope', ...headers },
      handshakeTimeout: 30_000,
      perMessageDeflate: false,
      // A frame is a chunk of output: kubelet's have 32 kB.
      maxPayload: 16e6,
    });
  } catch (error) {
    return troubled({ kind: 'unreachable', why: (error as Error).message });
  }
  const right = { verb: 'create', resource: 'pods/exec', group: '', namespace };
  return new Promise((resolve) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const sizes = { stdout: 0, stderr: 0 };
    let status: Pick<ExecOutput, 'exitStatus' | 'said'> | undefined;
    let isAlive = true;
    let linger: NodeJS.Timeout | undefined;
    const settle = (answer: Answer<ExecOutput>) => {
      clearTimeout(timer);
      clearTimeout(linger);
      clearInterval(ping);
      signal.removeEventListener('abort', cancel);
      resolve(answer);
      ws.terminate();
    };
    const fail = (trouble: Trouble) => settle(troubled(trouble));
    const lost = (why: string) => fail({ kind: 'unreachable', why });
    const finish = () => {
      if (status === undefined) return lost('the connection ended before the status of the command came');
      settle({
        ok: true,
        value: { stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8'), ...status },
      });
    };
    const cancel = () => fail({ kind: 'cancelled' });
    const timer = setTimeout(() => lost(`not done within ${limits.milliseconds / 1000} s`), limits.milliseconds);
    const ping = setInterval(() => {
      if (ws.readyState !== WebSocket.OPEN) return;
      if (!isAlive) return lost('the connection is dead: no answer to a ping');
      isAlive = false;
      ws.ping();
    }, limits.pingMs);
    signal.addEventListener('abort', cancel, { once: true });

    ws.on('pong', () => {
      isAlive = true;
    });
    ws.on('message', (data, isBinary) => {
      isAlive = true;
      const frame = data as Buffer;
      if (!isBinary || frame.length === 0) return;
      const content = frame.subarray(1);
      if (frame[0] === STDOUT) {
        sizes.stdout += content.length;
        if (sizes.stdout > limits.stdoutBytes)
          fail({ kind: 'nonsense', why: `more than ${limits.stdoutBytes} bytes of output` });
        else stdout.push(content);
      } else if (frame[0] === STDERR) {
        sizes.stderr += content.length;
        if (sizes.stderr <= STDERR_BYTES) stderr.push(content);
      } else if (frame[0] === STATUS && content.length > 0) {
        status = statusOf(content.toString('utf8'));
        linger = setTimeout(finish, LINGER_MS);
      }
      // Channel 255 of v5 closes a stream: the status tells the same.
    });
    ws.once('close', finish);
    ws.on('error', (error) => lost(reasonOf(error)));
    ws.once('unexpected-response', (_request: ClientRequest, response: IncomingMessage) => {
      void refused(response, signal).then(({ code, said }) => {
        if (code === 401) fail({ kind: 'unauthorized' });
        else if (code === 403) fail({ kind: 'forbidden', right, said });
        else fail({ kind: 'status', status: code, said });
      });
    });
  });
}

async function refused(response: IncomingMessage, signal: AbortSignal): Promise<{ code: number; said: string }> {
  const { statusCode: code = 0 } = response;
  const body = await readBody(response, { bytes: 64e3, milliseconds: 5000, signal });
  const json = body.ok ? parseJson(body.value.toString('utf8')) : undefined;
  // Also for 410, which means nothing here.
  const trouble = troubleOf(code === 410 ? 500 : code, json?.ok === true ? json.value : undefined);
  return { code, said: trouble.kind === 'status' ? trouble.said : '' };
}

/** A Status object; the exit status is a cause of it (k8s.io/client-go/tools/remotecommand: v4.go). */
function statusOf(text: string): Pick<ExecOutput, 'exitStatus' | 'said'> {
  const json = parseJson(text);
  const decoded = json.ok
    ? decoding(() => {
        const root = at(json.value);
        const said = root.optional('message')?.string() ?? '';
        if (root.optional('status')?.string() === 'Success') return { exitStatus: 0, said };
        const cause = (root.optional('details')?.optional('causes')?.items() ?? []).find(
          (one) => one.optional('reason')?.string() === 'ExitCode',
        );
        const code = Number(cause?.key('message').string());
        return { exitStatus: cause !== undefined && Number.isInteger(code) ? code : null, said };
      })
    : json;
  return decoded.ok ? decoded.value : { exitStatus: null, said: `a status that makes no sense: ${text.slice(0, 200)}` };
}
