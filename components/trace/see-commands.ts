/** Commands that show the cause on the node and in the cluster. They only read. */
import type { NumberedStep } from '@/lib/explain/trace-steps';
import { ruleOf, type TraceModel } from './trace-model';

export function seeCommands(entry: NumberedStep, model: TraceModel): readonly string[] {
  const { step } = entry;
  const commands: string[] = [];
  const { sent } = model;
  const service = model.names.service(
    sent.daddr ?? '',
    sent.protocol === undefined ? undefined : String(sent.protocol),
    typeof sent.dport === 'number' ? sent.dport : undefined,
  );
  const [namespace, name] = service?.service.split('/') ?? [];
  const chain = step.kind === 'rule' ? step.at : step.kind === 'policy' ? step : undefined;
  const lookup = model.leg.steps
    .flatMap((other) =>
      other.step.kind === 'rule' ? other.step.lookups.map((found) => ({ found, at: other.step })) : [],
    )
    .findLast(({ found }) => found.hit !== undefined && found.name !== undefined);
  if (namespace !== undefined && name !== undefined && chain?.table === 'kube-proxy') {
    commands.push(`kubectl -n ${namespace} get endpointslices -l kubernetes.io/service-name=${name}`);
  }
  if (chain !== undefined) {
    if (lookup?.found.name !== undefined && lookup.at.kind === 'rule' && lookup.at.at.table === chain.table) {
      const kind =
        (ruleOf(model.answer, lookup.at.at)?.usedSets ?? []).find((set) => set.name === lookup.found.name)?.kind ??
        'map';
      commands.push(`nft list ${kind} ${chain.family} ${quote(chain.table)} ${quote(lookup.found.name)}`);
    }
    commands.push(`nft -a list chain ${chain.family} ${quote(chain.table)} ${quote(chain.chain)}`);
  }
  if (step.kind === 'route' || (step.kind === 'kernel' && sent.daddr !== undefined)) {
    const from = model.leg.start?.from;
    const way = from?.kind === 'interface' ? ` from ${sent.saddr} iif ${from.iif}` : '';
    commands.push(`ip route get ${sent.daddr}${way}`);
  }
  return commands;
}

/** Shells take plain names as they are. */
const quote = (name: string): string => (/^[\w./-]+$/.test(name) ? name : `'${name}'`);
