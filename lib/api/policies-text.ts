/** What NetworkPolicies ask, in words: for the command line and the views. */
import type { PoliciesView, PolicyLine, PolicySide, PolicyWay } from './policies-view';

export const POLICIES_ARE = 'what the network plugin should enforce; the verdict comes from the rules alone';

/** `allows it`, `does not allow it`, … */
export function allowsText({ allows, selects, why }: PolicyLine): string {
  if (allows === null) return 'says nothing of this direction';
  if (selects === 'unknown' || allows === 'unknown') return `not known: ${why ?? 'no reason'}`;
  return allows === 'yes' ? 'allows it' : 'does not allow it';
}

/** What a side asks where no policy line says it. */
export function sideText({ policies, notSelected, allowed, why }: PolicySide): string {
  if (notSelected !== null) return `no policy can select it: ${notSelected}`;
  if (allowed === 'unknown') return `not known: ${why ?? 'no reason'}`;
  if (policies.length === 0) return 'no policy selects it';
  return allowed === 'yes' ? 'allowed' : 'not allowed';
}

export const wayText = ({ allowed, why }: PolicyWay): string =>
  allowed === 'unknown'
    ? `Whether the policies allow it is not known: ${why ?? 'no reason'}.`
    : allowed === 'yes'
      ? 'The policies allow it.'
      : 'The policies do not allow it.';

/** One fact beside a verdict; undefined where no policy has a word in it. */
export function policiesFact({ ways, remarks }: PoliciesView): string | undefined {
  const isSelected = ways.some(({ egress, ingress }) => egress.policies.length + ingress.policies.length > 0);
  if (!isSelected) return undefined;
  const found = new Set(ways.map(({ allowed }) => allowed));
  const [only] = found;
  if (found.size > 1 || only === undefined) return 'NetworkPolicies: it depends on the pod';
  const but = remarks.length > 0 ? 'but ' : '';
  return {
    yes: `${but}NetworkPolicies allow it`,
    no: `${but}NetworkPolicies do not allow it`,
    unknown: 'what NetworkPolicies ask is not known',
  }[only];
}

/** The same in a sentence that fits many askers; undefined where no policy has a word in it. */
export function policiesSay(view: PoliciesView): string | undefined {
  if (view.unknown !== null) return `What NetworkPolicies ask is not known: ${view.unknown}.`;
  const fact = policiesFact({ ...view, remarks: [] });
  if (fact === undefined) return undefined;
  const said = `${fact.charAt(0).toUpperCase()}${fact.slice(1)}`;
  const why = view.ways.every(({ allowed }) => allowed === 'unknown') ? view.ways[0]?.why : undefined;
  const because = why === null || why === undefined ? '' : `: ${why}`;
  return `${said}${because}.${view.remarks.length > 0 ? ' The rules do otherwise: the path of each says where.' : ''}`;
}

/** The lines under a trace or a path. */
export function policiesText({ unknown, ways, remarks }: PoliciesView): string {
  const head = `NetworkPolicies: ${POLICIES_ARE}`;
  if (unknown !== null) return `\n${head}\n  not known: ${unknown}\n`;
  const lines = ways.flatMap((way) => [
    ...(ways.length > 1 ? [`  to ${way.to.join(', ')}`] : []),
    ...sideLines('egress of', way.egress, way.egress.end),
    ...sideLines('ingress of', way.ingress, way.to.join(', ')),
    `  ${wayText(way)}`,
  ]);
  return ['', head, ...lines, ...remarks.map((say) => `  ${say}`), ''].join('\n');
}

const sideLines = (what: string, side: PolicySide, end: string): readonly string[] => [
  `  ${what} ${end}: ${sideText(side)}`,
  ...side.policies.map(
    (line) => `    ${line.namespace}/${line.name} (${line.directions.join(', ')}): ${allowsText(line)}`,
  ),
];
