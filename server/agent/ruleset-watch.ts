/**
 * Hears of changes of the ruleset, from one `nft -a monitor`. Its text, not its JSON: only the text has the line that ends a transaction,
 * `# new generation 7 by process 812 (kube-proxy)` (nft 1.0.6, netlink_events_newgen_cb), and the places of new rules.
 */
import 'server-only';
import { MonitorProcess, type WatchState, type WatchTimes } from './monitor-process';

export interface RulesetChange {
  readonly generation: number;
  readonly by: { readonly pid: number; readonly program: string } | undefined;
}
interface Listener {
  readonly changed: (change: RulesetChange | undefined) => void;
  readonly watch: (state: WatchState) => void;
  readonly line: (line: string) => void;
}

const GENERATION = /^# new generation (\d+)(?: by process (\d+) \((.*)\))?/;

export class RulesetWatch extends MonitorProcess {
  /** @param argv the nft to be used, asked anew at each start */
  constructor(argv: () => readonly [string, ...string[]], listener: Listener, times?: WatchTimes) {
    super(
      () => [...argv(), '-a', 'monitor'],
      {
        line: (line) => {
          listener.line(line);
          const change = changeIn(line);
          if (change !== undefined) listener.changed(change);
        },
        dropped: () => listener.changed(undefined),
        watch: listener.watch,
      },
      times,
    );
  }
}

function changeIn(line: string): RulesetChange | undefined {
  const match = GENERATION.exec(line);
  if (match === null) return undefined;
  const [, generation, pid, program] = match;
  return {
    generation: Number(generation),
    by: pid === undefined ? undefined : { pid: Number(pid), program: program ?? '' },
  };
}
