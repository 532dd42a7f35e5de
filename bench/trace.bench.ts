/**
 * Tracing a new connection to a Service: it must not depend on the number of Services (bar: 1.5), and with 1,000 of them take at most 50 µs
 * for the verdict and 200 µs for a full trace (20,000 and 5,000 packets a second). Each trace has three branches.
 */
import { initialState, preparedOf, traceFrom } from '../lib/sim/index';
import type { Bench } from './bench';
import { kubeProxyNode, serviceAddress } from './kube-proxy-node';

/** Traces one packet to a Service, another one each time. */
function tracer(services: number, verdictOnly: boolean): () => unknown {
  const prepared = preparedOf(kubeProxyNode(services));
  let next = 0;
  return () => {
    next = (next + 7919) % services;
    const packet = {
      family: 'ip',
      iif: 'veth0',
      saddr: '10.128.0.1',
      daddr: serviceAddress(next),
      protocol: 'tcp',
      sport: 40000,
      dport: 80,
    } as const;
    const { trace } = traceFrom(prepared, packet, initialState(prepared), { verdictOnly });
    if (trace.branches.length !== 3) throw new Error(`expected 3 branches, got ${trace.branches.length}`);
    return trace;
  };
}

export const bench: Bench = {
  name: 'trace of a new connection to a Service with 3 endpoints (bar: 1.5 × from 10 to 10,000 Services)',
  cases: {
    '10 Services': tracer(10, false),
    '1,000 Services': tracer(1000, false),
    '10,000 Services': tracer(10_000, false),
    '10 Services, verdict only': tracer(10, true),
    '1,000 Services, verdict only': tracer(1000, true),
    '10,000 Services, verdict only': tracer(10_000, true),
  },
};
