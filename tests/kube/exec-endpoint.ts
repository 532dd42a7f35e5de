/** The exec subresource over WebSocket: channels 0 to 4 and 255, in the protocols v4 and v5.channel.k8s.io. */
import { spawn } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** What a test makes of an exec, frame by frame. */
export type ExecFrame =
  | { readonly stdout: string | Uint8Array }
  | { readonly stderr: string }
  /** V5 only: the end of a stream. */
  | { readonly close: number }
  | { readonly status: object }
  /** Bytes as they are, channel included. */
  | { readonly raw: Uint8Array }
  | { readonly text: string }
  | { readonly waitMs: number }
  /** The connection breaks without a closing frame. */
  | 'drop'
  /** Nothing more comes, and the connection stays. */
  | 'hang';
export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string | null;
  readonly command: readonly string[];
}
export type ExecAnswer = { readonly run: readonly [string, ...string[]] } | { readonly frames: readonly ExecFrame[] };
export type ExecHandler = (request: ExecRequest) => ExecAnswer;

export const SUCCESS = { metadata: {}, status: 'Success' };
export const exitStatus = (code: number) => ({
  metadata: {},
  status: 'Failure',
  reason: 'NonZeroExitCode',
  message: `command terminated with non-zero exit code: exit status ${code}`,
  details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
});

const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const CLOSE = 255;
const frame = (channel: number, content: string | Uint8Array) =>
  Buffer.concat([Buffer.from([channel]), typeof content === 'string' ? Buffer.from(content) : content]);

export class ExecEndpoint {
  protocols: readonly string[] = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
  handler: ExecHandler = () => ({ frames: [{ status: exitStatus(127) }] });
  readonly asked: ExecRequest[] = [];
  readonly sockets = new Set<WebSocket>();
  readonly #server = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => this.protocols.find((one) => offered.has(one)) ?? false,
  });

  accept(message: IncomingMessage, socket: Duplex, head: Buffer, request: ExecRequest): void {
    this.asked.push(request);
    this.#server.handleUpgrade(message, socket, head, (ws) => {
      this.sockets.add(ws);
      ws.once('close', () => this.sockets.delete(ws));
      ws.on('error', () => undefined);
      const answer = this.handler(request);
      if ('run' in answer) runCommand(ws, answer.run);
      else void playFrames(ws, answer.frames);
    });
  }
}

function runCommand(ws: WebSocket, [program, ...args]: readonly [string, ...string[]]): void {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const closing = (channel: number) => () =>
    ws.protocol.startsWith('v5') && ws.send(frame(CLOSE, Buffer.from([channel])));
  child.stdout.on('data', (chunk: Buffer) => ws.send(frame(STDOUT, chunk))).once('end', closing(STDOUT));
  child.stderr.on('data', (chunk: Buffer) => ws.send(frame(STDERR, chunk))).once('end', closing(STDERR));
  // As with kubelet, the command goes on when the connection is closed.
  child.once('close', (code) => {
    ws.send(frame(STATUS, JSON.stringify(code === 0 ? SUCCESS : exitStatus(code ?? 137))), () => ws.close());
  });
  child.once('error', (error) => ws.send(frame(STATUS, JSON.stringify({ status: 'Failure', message: error.message }))));
}

async function playFrames(ws: WebSocket, frames: readonly ExecFrame[]): Promise<void> {
  for (const one of frames) {
    if (one === 'hang') return;
    if (one === 'drop') return ws.terminate();
    if ('stdout' in one) ws.send(frame(STDOUT, one.stdout));
    else if ('stderr' in one) ws.send(frame(STDERR, one.stderr));
    else if ('close' in one) ws.send(frame(CLOSE, Buffer.from([one.close])));
    else if ('status' in one) ws.send(frame(STATUS, JSON.stringify(one.status)));
    else if ('raw' in one) ws.send(one.raw);
    else if ('text' in one) ws.send(one.text);
    else await new Promise((resolve) => setTimeout(resolve, one.waitMs));
  }
  ws.close();
}
