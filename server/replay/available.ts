/** May this process replay, and can it? */
import 'server-only';
import { runCommand } from '../sources/run-command';

export interface Unavailable {
  readonly code: 'REPLAY-001' | 'REPLAY-002' | 'REPLAY-003' | 'REPLAY-004';
  readonly say: string;
  readonly do: string;
}

const LIMITS = { milliseconds: 3000, bytes: 1e6 };

/** Undefined where everything needed is there: Linux, root, nft, ip and python3. */
export async function whyNotReplay(signal: AbortSignal): Promise<Unavailable | undefined> {
  if (process.platform !== 'linux') {
    return {
      code: 'REPLAY-002',
      say: 'A replay needs network namespaces, which only Linux has.',
      do: 'Run nftscope on a Linux machine, or paste the output of nft monitor trace.',
    };
  }
  if (process.getuid?.() !== 0) {
    return {
      code: 'REPLAY-002',
      say: 'A replay makes network namespaces, which needs root.',
      do: 'Run it as root (sudo). Nothing of the host is changed.',
    };
  }
  for (const [tool, flag] of [
    ['nft', '--version'],
    ['ip', '-V'],
    ['python3', '--version'],
  ] as const) {
    if ((await runCommand([tool, flag], LIMITS, signal)).kind !== 'read') {
      return {
        code: 'REPLAY-003',
        say: `A replay needs ${tool}, which does not run here.`,
        do: `Install ${tool === 'ip' ? 'iproute2' : tool === 'nft' ? 'nftables' : 'Python 3'}.`,
      };
    }
  }
  return undefined;
}

/** The server replays only where it was started with --allow-replay. */
export async function whyNotOffered(signal: AbortSignal): Promise<Unavailable | undefined> {
  if (process.env.NFTSCOPE_ALLOW_REPLAY === '1') return whyNotReplay(signal);
  return {
    code: 'REPLAY-001',
    say: 'This server does not replay packets.',
    do: 'Start it with --allow-replay, as root: npm start -- --allow-replay.',
  };
}

let running = 0;

/** Replays load the machine: one at a time, a second request waits for nobody. */
export async function oneReplay<T>(replay: () => Promise<T>): Promise<T | Unavailable> {
  if (running > 0) {
    return {
      code: 'REPLAY-004',
      say: 'Another replay is under way on this server.',
      do: 'Try again in a few seconds.',
    };
  }
  running++;
  try {
    return await replay();
  } finally {
    running--;
  }
}
