import { Agent } from 'node:http';
import type { KubeAccess } from '../../server/kube/kube-access';
import type { FakeApiServer } from './fake-api-server';

/** Access to a fake API server by plain HTTP. @param tokens one after the other, each time credentials are renewed */
export function accessTo(api: FakeApiServer, tokens: readonly string[] = []): KubeAccess {
  const agent = new Agent({ keepAlive: true });
  let at = 0;
  return {
    context: 'test',
    server: api.url,
    inCluster: false,
    credentials: async (fresh = false) => {
      if (fresh) at = Math.min(at + 1, Math.max(tokens.length - 1, 0));
      const token = tokens[at];
      return { headers: token === undefined ? {} : { authorization: `Bearer ${token}` }, agent, tls: {} };
    },
  };
}
