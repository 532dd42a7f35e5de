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
