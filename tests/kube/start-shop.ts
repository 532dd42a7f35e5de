/** The demo cluster behind a fake API server, with an agent for each node that serves its recorded readings over HTTP. */
import { FakeApiServer } from './fake-api-server';
import { RecordedAgent } from './recorded-agent';
import { feed, type ShopCluster, shopCluster } from './shop-cluster';

export const TOKEN = 'agent-token';

export interface Shop {
  readonly api: FakeApiServer;
  readonly cluster: ShopCluster;
  readonly agents: ReadonlyMap<string, RecordedAgent>;
  readonly stop: () => Promise<void>;
}

export function agentPod(node: string, port: number, more: object = {}) {
  return {
    metadata: {
      namespace: 'nftscope',
      name: `agent-${node}`,
      labels: { 'app.kubernetes.io/name': 'nftscope-agent' },
      ownerReferences: [{ kind: 'DaemonSet', name: 'nftscope-agent', controller: true }],
    },
    spec: {
      nodeName: node,
      hostNetwork: true,
      containers: [{ name: 'agent', image: 'nftscope', ports: [{ name: 'http', containerPort: port }] }],
    },
    status: { phase: 'Running', podIP: '127.0.0.1' },
    ...more,
  };
}

export async function startShop(): Promise<Shop> {
  const cluster = await shopCluster();
  const api = await new FakeApiServer().start();
  feed(api, cluster);
  const agents = new Map<string, RecordedAgent>();
  for (const [node, files] of cluster.nodes) {
    const agent = await new RecordedAgent(node, files, TOKEN).start();
    agents.set(node, agent);
    api.store.set('pods', agentPod(node, agent.port));
    api.proxied.set(`nftscope/agent-${node}:${agent.port}`, agent.url);
  }
  const stop = async () => {
    await Promise.all([api.stop(), ...[...agents.values()].map((agent) => agent.stop())]);
  };
  return { api, cluster, agents, stop };
}
