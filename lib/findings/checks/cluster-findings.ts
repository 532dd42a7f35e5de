/** The checks of readings, of the cluster's objects, and of what kube-proxy wrote against them. */
import type { Context } from '../context';
import type { Finding } from '../finding';
import { askedServiceFindings } from './asked-service';
import { commentFindings } from './comment-too-long';
import { endpointFindings } from './endpoints';
import { disagreementFindings } from './nodes-disagree';
import { driftFindings } from './proxy-drift';
import { proxyModeFindings } from './proxy-mode';
import { readingFindings } from './readings';

export function clusterFindings(context: Context): readonly Finding[] {
  const drift = driftFindings(context);
  return [
    ...readingFindings(context),
    ...endpointFindings(context),
    ...askedServiceFindings(context),
    ...commentFindings(context, drift),
    ...proxyModeFindings(context),
    ...drift,
    ...disagreementFindings(context),
  ];
}
