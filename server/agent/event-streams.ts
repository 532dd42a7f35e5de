/** The open streams of `/v1/events`. One that does not read what it is sent is closed. */
import 'server-only';
import type { ServerResponse } from 'node:http';

const MAX = 32;
const UNREAD_BYTES_MAX = 64 * 1024;

export type SendEvent = (event: string, data: object) => void;

export class EventStreams {
  #open = new Set<ServerResponse>();

  get size(): number {
    return this.#open.size;
  }

  get isFull(): boolean {
    return this.#open.size >= MAX;
  }

  /** @returns sends one event to this stream */
  open(response: ServerResponse): SendEvent {
    let count = 0;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    this.#open.add(response);
    response.once('close', () => void this.#open.delete(response));
    return (event, data) => {
      if (response.writableLength > UNREAD_BYTES_MAX) response.destroy();
      else if (!response.writableEnded)
        response.write(`id: ${++count}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
  }

  close(): void {
    for (const response of this.#open) response.end();
  }
}
