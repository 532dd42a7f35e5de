import 'server-only';
import { failed, type Result } from '@/lib/net/result';
import { sourceProblems } from './problems';
import type { NodeCapture, Source } from './source';

interface Flight {
  readonly reading: Promise<Result<NodeCapture>>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * One reader at a time per node: who asks while a reading is under way gets that reading. It is stopped when all who wait
 * for it have gone.
 */
export function singleFlight(source: Source): Source {
  const flights = new Map<string, Flight>();
  const start = (name: string): Flight => {
    const controller = new AbortController();
    const reading = source.node(name, controller.signal).finally(() => {
      if (flights.get(name)?.controller === controller) flights.delete(name);
    });
    const flight = { reading, controller, waiting: 0 };
    flights.set(name, flight);
    return flight;
  };
  return {
    describe: () => source.describe(),
    nodes: (signal) => source.nodes(signal),
    cluster: (signal) => source.cluster(signal),
    ...(source.measured !== undefined && { measured: source.measured.bind(source) }),
    ...(source.watch !== undefined && { watch: source.watch.bind(source) }),
    ...(source.attend !== undefined && { attend: source.attend.bind(source) }),
    ...(source.following !== undefined && { following: source.following.bind(source) }),
    ...(source.due !== undefined && { due: source.due.bind(source) }),
    ...(source.unreachable !== undefined && { unreachable: source.unreachable.bind(source) }),
    async node(name, signal) {
      if (signal.aborted) return failed(sourceProblems.cancelled());
      const flight = flights.get(name) ?? start(name);
      flight.waiting += 1;
      let leave = () => {};
      const left = new Promise<Result<NodeCapture>>((resolve) => {
        leave = () => resolve(failed(sourceProblems.cancelled()));
        signal.addEventListener('abort', leave, { once: true });
      });
      try {
        return await Promise.race([flight.reading, left]);
      } finally {
        signal.removeEventListener('abort', leave);
        flight.waiting -= 1;
        if (flight.waiting === 0) {
          flight.controller.abort();
          if (flights.get(name) === flight) flights.delete(name);
        }
      }
    },
  };
}
