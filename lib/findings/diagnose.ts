/** All checks over one capture. */
import { inOrder } from './causes';
import { askedNodePortFindings } from './checks/asked-nodeport';
import { clusterFindings } from './checks/cluster-findings';
import {
  affinityFindings,
  bridgeFindings,
  connectionFindings,
  conntrackFindings,
  filterFindings,
  forwardingFindings,
  masqueradeFindings,
  routeFindings,
} from './checks/node-findings';
import { hiddenFindings, markFindings, tieFindings } from './checks/order-findings';
import { discoveryFindings, dropFindings, icmpFindings, natFindings, notrackFindings } from './checks/path-findings';
import type { Context } from './context';
import type { Finding } from './finding';

/** What one check finds: one finding for each cause, with all its nodes and Services. */
export type Check = (context: Context) => readonly Finding[];

const CHECKS: readonly Check[] = [
  clusterFindings,
  dropFindings,
  natFindings,
  notrackFindings,
  markFindings,
  tieFindings,
  hiddenFindings,
  discoveryFindings,
  icmpFindings,
  forwardingFindings,
  routeFindings,
  filterFindings,
  bridgeFindings,
  conntrackFindings,
  masqueradeFindings,
  connectionFindings,
  affinityFindings,
  askedNodePortFindings,
];

/** Every finding, the most serious root cause first, each followed by what follows from it. */
export function diagnose(context: Context): readonly Finding[] {
  return inOrder(CHECKS.flatMap((check) => check(context)));
}
