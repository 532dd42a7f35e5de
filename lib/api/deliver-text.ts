/** What would deliver a packet, as the command line prints it. */

import { count } from '../explain/words';
import type { DeliveringChange, WhatWouldDeliver } from './what-would-deliver';

/** One line for how much was tried, the same for all readers. */
export function triedText({ tried, untried, undecided, servicesUntried }: WhatWouldDeliver): string {
  const parts = [`${count(tried, 'single change')} tried`];
  if (untried > 0) parts.push(`${untried} more not`);
  if (undecided > 0) parts.push(`after ${undecided} of them its way is not known`);
  if (servicesUntried !== null) parts.push(`fields of Services not, for ${servicesUntried}`);
  return parts.join(', ');
}

/** The rule, element or connection that a change is about. */
export const changeText = ({ change }: DeliveringChange): string | undefined =>
  'text' in change ? change.text : undefined;

export function deliverText(answer: WhatWouldDeliver): string {
  if (!answer.needed) return '\nWHAT WOULD DELIVER IT  nothing is looked for: it arrives, or its way is not known.\n';
  const lines = ['', `WHAT WOULD DELIVER IT  ${triedText(answer)}; to consider, nothing is applied`];
  if (answer.found.length === 0) lines.push('  None of them does.');
  for (const [i, one] of answer.found.entries()) {
    const text = changeText(one);
    lines.push(`  ${i + 1}. ${one.say}${one.owner === null ? '' : `, ${one.owner}`}`);
    if (text !== undefined) lines.push(`     ${text}`);
    lines.push(`     ${one.result}`);
    if (one.command !== null) lines.push(`     ${one.command}`);
  }
  return `${lines.join('\n')}\n`;
}
