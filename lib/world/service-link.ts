/** Dummy interfaces that hold the addresses of IPVS' virtual servers: kube-proxy's in its IPVS mode, and kube-router's. */
import type { Link } from './world';

const DUMMIES: ReadonlySet<string> = new Set(['kube-ipvs0', 'kube-dummy-if']);

/** Holds addresses of Services, which every node has, and which are no node's own. */
export const holdsServices = ({ name }: Pick<Link, 'name'>): boolean => DUMMIES.has(name);
