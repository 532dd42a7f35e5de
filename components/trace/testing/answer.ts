/** Answers of the trace route made from the hand-kept traces, with rules whose text is their handle. */
import type { ObjectView, OwnerView, RuleView, SourceView, TraceAnswer } from '@/lib/api/types';
import { ruleKey } from '@/lib/api/types';
import { toWire } from '@/lib/api/wire';
import { fixtureTrace, shopNames, type TraceFixture } from '@/lib/explain/testing/traces';
import type { RuleRef } from '@/lib/nft/model';
import type { Step } from '@/lib/sim/trace';

const SOURCE: SourceView = {
  id: 'shop',
  kind: 'bundle',
  name: 'shop',
  origin: 'demo',
  argument: 'shop.tar.gz',
  capturedAt: null,
  live: false,
  nodes: ['node-1', 'node-2'].map((name) => ({ name, state: 'ready', problem: null, capturedAt: null, zone: null })),
};

const OWNERS: { readonly [table: string]: OwnerView } = {
  'ip kube-proxy': { key: 'kp', name: 'kube-proxy', how: '' },
  'inet kindnet-ipmasq': { key: 'cn', name: 'kindnet', how: '' },
  'ip filter': { key: 'dk', name: 'docker', how: '' },
};

function refs(step: Step): readonly RuleRef[] {
  if (step.kind === 'rule' || step.kind === 'passed') return [step.at];
  return step.kind === 'undecided' ? step.reasons.flatMap((reason) => reason.at ?? []) : [];
}

const ruleView = (at: RuleRef): RuleView => ({
  at,
  tokens: [{ text: `text-of-${at.handle}`, kind: 'keyword', statement: 0 }],
  usedSets: [],
  jumpTargets: [],
  object: null,
});

function objectOf(address: string): ObjectView | undefined {
  const who = shopNames.address(address);
  if (who === undefined) return undefined;
  const [namespace, name] = who.kind === 'pod' ? who.name.split('/') : [null, who.name];
  return { kind: who.kind === 'pod' ? 'pod' : 'node', namespace: namespace ?? null, name: name ?? '', port: null };
}

export function fixtureAnswer(name: TraceFixture): TraceAnswer {
  const trace = fixtureTrace(name);
  const at = trace.branches.flatMap((branch) => branch.steps.flatMap(refs));
  const addresses = [
    '10.244.1.3',
    '10.244.1.4',
    '10.244.2.4',
    '10.244.3.4',
    '10.240.0.11',
    '10.240.0.12',
    '10.240.0.13',
  ];
  const { saddr = '', daddr = '', dport } = trace.packet;
  const service = shopNames.service(daddr, 'tcp', 80);
  const [namespace, svc] = service?.service.split('/') ?? [];
  return {
    version: 'v1',
    source: SOURCE,
    node: 'node-1',
    capturedAt: null,
    packet: {
      family: 'ip',
      iif: 'vethcd831f0a',
      saddr,
      daddr,
      protocol: 'tcp',
      dport: typeof dport === 'number' ? dport : 80,
    },
    from: { ref: 'shop/web', label: 'shop/web', address: saddr, object: null },
    to: {
      ref: 'svc:shop/api:http',
      label: 'Service shop/api:http',
      address: daddr,
      object: { kind: 'service', namespace: namespace ?? null, name: svc ?? '', port: 'http' },
    },
    trace: toWire(trace),
    rules: Object.fromEntries(at.map((ref) => [ruleKey(ref), ruleView(ref)])),
    owners: OWNERS,
    names: Object.fromEntries(
      addresses.flatMap((address) => {
        const object = objectOf(address);
        return object === undefined ? [] : [[address, object] as const];
      }),
    ),
    policies: null,
  };
}
