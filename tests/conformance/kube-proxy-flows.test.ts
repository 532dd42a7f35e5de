import { expect, test } from 'vitest';
import { decodeRuleset } from '@/lib/decode/decode-ruleset';
import { decodePacketSpec } from '@/lib/net/packet-spec';
import { runCase } from '@/lib/sim/run-case';
import { decodeEnvironment } from '@/lib/world/decode-environment';
import { describeShared } from '../shared';
import { caseOf, disagreement, RELEASES, readFlows } from './kube-proxy-flows';

describeShared('flows of kube-proxy, as the kernel handled them', (shared) => {
  test.each(RELEASES)('%s: 218 of 218', (release) => {
    const wrong: string[] = [];
    let flows = 0;
    for (const record of readFlows(shared, release)) {
      const input = caseOf(record, release);
      const ruleset = decodeRuleset(input.rulesetJson);
      const environment = decodeEnvironment(input.environment);
      if (!ruleset.ok || !environment.ok) throw new Error(`${record.name} cannot be decoded`);
      const packets = input.packets.map((packet) => {
        const spec = decodePacketSpec(packet);
        if (!spec.ok) throw new Error(spec.problem.say);
        return spec.value;
      });
      const results = runCase({ ruleset: ruleset.value, environment: environment.value, packets, mode: 'independent' });
      for (const [index, flow] of record.flows.entries()) {
        flows += 1;
        const difference = disagreement(flow, results[index]);
        if (difference !== undefined)
          wrong.push(`${record.name}: ${flow.name} (${flow.saddr} → ${flow.daddr}:${flow.dport}): ${difference}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(flows).toBe(218);
  });
});
