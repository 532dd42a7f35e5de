/** Services as findings name them. */
import type { Service } from '../cluster/cluster';

export const nameOf = ({ namespace, name }: Pick<Service, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** kube-proxy has no rules for the others (cmd/kube-proxy/app/server.go, pkg/proxy/util: ShouldSkipService). */
export const isServed = ({ type, headless, otherProxy, clusterIPs }: Service): boolean =>
  type !== 'ExternalName' && !headless && !otherProxy && clusterIPs.length > 0;
