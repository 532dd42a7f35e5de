/** The kernel's side: helper.py in a process of its own, one request and one answer at a time. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseExact } from '../../lib/decode/parse-exact';
import type { PacketSpec } from '../../lib/net/packet-spec';

export interface KernelEvent {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly type: string;
  readonly handle?: number;
  readonly verdict?: string;
  readonly jumpTarget?: string;
  readonly mark?: number;
  readonly id: number;
  readonly first?: boolean;
  readonly iif?: string;
  readonly oif?: string;
  readonly network?: string;
  readonly transport?: string;
  readonly ct?: { readonly state: string; readonly direction?: string; readonly status?: readonly string[] };
  readonly lost?: boolean;
}

export interface KernelAnswer {
  readonly events: readonly KernelEvent[];
  readonly frames: readonly { readonly dev: string; readonly hex: string }[];
  readonly conntrack: readonly { readonly [key: string]: unknown }[];
  readonly sendErrno?: number;
  readonly listing?: unknown;
}

/** Why the laboratory cannot run here; undefined where it can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const [tool, ...args] of [
    ['nft', '--version'],
    ['ip', '-V'],
    ['bridge', '-V'],
    ['python3', '--version'],
  ] as const) {
    try {
      execFileSync(tool, args, { stdio: 'ignore' });
    } catch {
      return `${tool} is not installed`;
    }
  }
  return undefined;
}

export class Kernel {
  private readonly child: ChildProcessWithoutNullStreams;
  private rest = '';
  private readonly lines: string[] = [];
  private wake: (() => void) | undefined;
  /** True once the helper is gone, for whatever reason. */
  ended = false;

  constructor() {
    this.child = spawn('python3', [fileURLToPath(new URL('helper.py', import.meta.url))], { stdio: 'pipe' });
    this.child.stdout.setEncoding('utf8');
    this.child.stdout.on('data', (text: string) => {
      const lines = (this.rest + text).split('\n');
      this.rest = lines.pop() ?? '';
      this.lines.push(...lines);
      this.wake?.();
    });
    this.child.stderr.pipe(process.stderr);
    this.child.on('close', () => {
      this.ended = true;
      this.removeNamespaces();
      this.wake?.();
    });
  }

  /** What a helper that was killed leaves behind: copies of copies may still run in there and keep a processor busy. */
  private removeNamespaces(): void {
    const mine = `nftscope-lab-${this.child.pid}-`;
    const names = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split(/\s+/);
    for (const name of names) if (name.startsWith(mine)) execFileSync('ip', ['netns', 'delete', name]);
  }

  private async line(): Promise<string> {
    for (;;) {
      const line = this.lines.shift();
      if (line !== undefined) return line;
      if (this.ended) throw new Error('the laboratory ended');
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private async answer(): Promise<Readonly<Record<string, unknown>>> {
    const line = await this.line();
    // Raw payload may be wider than a double is exact.
    const exact = /\d{16}/.test(line) ? parseExact(line) : undefined;
    const answer = (exact?.ok === true ? exact.value : JSON.parse(line)) as Readonly<Record<string, unknown>>;
    if (typeof answer.error === 'string') throw new Error(`laboratory: ${answer.error}`);
    return answer;
  }

  private ask(request: object): Promise<Readonly<Record<string, unknown>>> {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.answer();
  }

  async start(): Promise<{ readonly kernel: string; readonly nft: string; readonly environments: readonly string[] }> {
    await this.answer();
    return (await this.ask({ op: 'setup' })) as unknown as Awaited<ReturnType<Kernel['start']>>;
  }

  /** Turns the router into an environment and gives it as recorded cases hold it. */
  async environment(name: string): Promise<unknown> {
    return (await this.ask({ op: 'environment', name })).environment;
  }

  async load(ruleset: string): Promise<{ readonly refused?: string; readonly listing?: unknown }> {
    return this.ask({ op: 'load', ruleset });
  }

  async packet(packet: PacketSpec, state: boolean, settle: number): Promise<KernelAnswer> {
    return (await this.ask({ op: 'packet', packet, state, settle })) as unknown as KernelAnswer;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.ended) resolve();
      this.child.on('close', () => resolve());
      this.child.stdin.end();
    });
  }
}
