/** The checks of readings, of the cluster's objects, and of what kube-proxy wrote against them. */
import type { Context } from '../context';
import type { Finding } from '../finding';
import { askedServiceFindings } from './asked-service';
import { endpointFindings } from './endpoints';
import { driftFindings } from './proxy-drift';
import { readingFindings } from './readings';

const CHECKS: readonly ((context: Context) => readonly Finding[])[] = [
  readingFindings,
  endpointFindings,
  askedServiceFindings,
  driftFindings,
];

export const clusterFindings = (context: Context): readonly Finding[] => CHECKS.flatMap((check) => check(context));
