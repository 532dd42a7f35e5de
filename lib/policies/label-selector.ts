/** Label selectors as the API's own words have it: LabelSelectorRequirement of meta/v1. */
import type { LabelRequirement, LabelSelector, Labels } from '../cluster/cluster';
import { allOf, type Decision, decided, unknown } from './truth';

/** @param labels undefined where they are not known; `why` says why */
export function selects(
  { matchLabels, matchExpressions }: LabelSelector,
  labels: Labels | undefined,
  why = '',
): Decision {
  const equal = Object.entries(matchLabels).map(
    ([key, value]): LabelRequirement => ({ key, operator: 'In', values: [value] }),
  );
  const requirements = [...equal, ...matchExpressions];
  return allOf(requirements.map((one) => (labels === undefined ? unknown(why) : requirement(one, labels))));
}

function requirement({ key, operator, values }: LabelRequirement, labels: Labels): Decision {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return decided(value !== undefined && values.includes(value));
    // An object without the label is selected as well.
    case 'NotIn':
      return decided(value === undefined || !values.includes(value));
    case 'Exists':
      return decided(value !== undefined);
    case 'DoesNotExist':
      return decided(value === undefined);
    default:
      return unknown(`the operator ${operator} is not known`);
  }
}
