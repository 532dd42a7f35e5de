'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import type { Leg } from '@/lib/explain/trace-steps';
import type { Branch, PacketView } from '@/lib/sim/trace';
import { overviewQuery } from '../hooks/use-trace';
import { viewHref } from '../shell/views';
import type { TraceModel } from './trace-model';

/** The node that a packet goes to next, where the capture names it. */
function nextNode(
  branch: Branch,
  leg: Leg,
  model: TraceModel,
): { readonly node: string; readonly hop: string } | undefined {
  const steps = branch.steps.filter((step) => step.skb === leg.skb);
  if (!steps.some((step) => step.kind === 'transmit')) return undefined;
  const route = steps.findLast((step) => step.kind === 'route');
  if (route?.kind !== 'route') return undefined;
  const sent = steps.findLast((step) => step.kind === 'transmit');
  const hop = route.nexthop ?? (sent?.kind === 'transmit' ? sent.packet.daddr : undefined);
  const who = hop === undefined ? undefined : model.names.address(hop);
  if (hop === undefined || who?.kind !== 'node' || who.name === model.answer.node) return undefined;
  const known = model.answer.source.nodes.some((node) => node.name === who.name && node.state === 'ready');
  return known ? { node: who.name, hop } : undefined;
}

/** Goes on with the same packet on the node it was sent to, coming in where that node has the next hop's address. */
export function NextNode({ model, packet }: { readonly model: TraceModel; readonly packet: PacketView }) {
  const router = useRouter();
  const client = useQueryClient();
  const [problem, setProblem] = useState<string>();
  const next = nextNode(model.branch, model.leg, model);
  if (next === undefined) return null;
  const go = async () => {
    const overview = await client.fetchQuery(overviewQuery(model.answer.source.id, next.node));
    const link = overview.links.find(({ addresses }) =>
      addresses.some((address) => address.split('/')[0] === next.hop),
    );
    if (link === undefined) setProblem(`No interface of ${next.node} has the address ${next.hop} in the capture.`);
    else
      router.push(
        viewHref('/trace', {
          source: model.answer.source.id,
          node: next.node,
          packet: JSON.stringify(arriving(packet, link.name)),
        }),
      );
  };
  return (
    <>
      <button
        type="button"
        className="link relative z-10 text-ink"
        onClick={() => {
          go().catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)));
        }}
      >
        Trace it on {next.node}
      </button>
      {problem === undefined ? null : (
        <span role="alert" className="text-lost">
          {problem}
        </span>
      )}
    </>
  );
}

/** The packet as the next node sees it. */
function arriving(packet: PacketView, iif: string) {
  const { family, saddr, daddr, protocol, sport, dport, flags, icmpType, icmpCode, ttl, hoplimit } = packet;
  return { family, iif, saddr, daddr, protocol, sport, dport, flags, icmpType, icmpCode, ttl, hoplimit };
}
