/** The connections of the agent: whoever reaches the port may open some, and must not keep others out. */
import 'server-only';
import type { Server, Socket } from 'node:net';

export interface ConnectionLimits {
  /** All of them. */
  readonly most: number;
  /** Those of one address that have not shown a token that is allowed. */
  readonly mostUnprovenOfAddress: number;
}
export const CONNECTION_LIMITS: ConnectionLimits = { most: 512, mostUnprovenOfAddress: 64 };

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  isProven: boolean;
}

/**
 * One too many closes the oldest that has not shown a token that is allowed, of the address that has most of these: a probe of the
 * kubelet, or a reader, gets in however many somebody else holds. Those that have shown one are never closed for others.
 */
export class Connections {
  /** In the order in which they came, by address and port of the other side: a TLS socket has those of the one below it. */
  readonly #open = new Map<string, Connection>();

  constructor(
    server: Server,
    readonly limits: ConnectionLimits = CONNECTION_LIMITS,
  ) {
    // Before TLS: a handshake that never ends counts too.
    server.on('connection', (socket: Socket) => this.#opened(socket));
  }

  /** This connection has shown a token that is allowed. @param socket of a request */
  proven(socket: Socket): void {
    const connection = this.#open.get(keyOf(socket));
    if (connection !== undefined) connection.isProven = true;
  }

  #opened(socket: Socket): void {
    const { remoteAddress: address, remotePort } = socket;
    // It has gone already.
    if (address === undefined || remotePort === undefined) return void socket.destroy();
    const key = keyOf(socket);
    this.#open.set(key, { socket, address, isProven: false });
    socket.once('close', () => {
      if (this.#open.get(key)?.socket === socket) this.#open.delete(key);
    });
    this.#makeRoom(address);
  }

  #makeRoom(address: string): void {
    const unproven = new Map<string, Connection[]>();
    for (const one of this.#open.values()) {
      if (one.isProven) continue;
      const list = unproven.get(one.address);
      if (list === undefined) unproven.set(one.address, [one]);
      else list.push(one);
    }
    const own = unproven.get(address) ?? [];
    const [most = own] = [...unproven.values()].sort((a, b) => b.length - a.length);
    const isTooMany = this.#open.size > this.limits.most;
    const [oldest] = own.length > this.limits.mostUnprovenOfAddress ? own : isTooMany ? most : [];
    if (oldest === undefined) return;
    this.#open.delete(keyOf(oldest.socket));
    oldest.socket.destroy();
  }
}

const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
