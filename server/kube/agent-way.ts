/** The ways to an agent: through the API server's pod proxy, or straight to its address over TLS. */
import 'server-only';
import type { IncomingMessage } from 'node:http';
import * as https from 'node:https';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { answered, type KubeClient } from './kube-client';
import type { NodePod } from './node-pods';
import type { Answer } from './trouble';

export interface AgentWay {
  /** For people: `the API server's pod proxy`. */
  readonly name: string;
  get(path: string, headers: { readonly [name: string]: string }, ask: Ask): Promise<Answer<IncomingMessage>>;
}
interface Ask {
  readonly signal: AbortSignal;
  readonly milliseconds: number;
  readonly method?: 'GET' | 'HEAD';
}

/** Authorization is the API server's own: the agent's token goes in a header of its own (docs/agent.md). */
export function proxyWay(client: KubeClient, pod: NodePod, token: () => Promise<string | undefined>): AgentWay {
  const { namespace, name, port, scheme } = pod;
  const target = `${scheme === 'https' ? 'https:' : ''}${name}:${port}`;
  const right = { verb: 'get', resource: 'pods/proxy', group: '', namespace };
  return {
    name: "the API server's pod proxy",
    async get(path, headers, { signal, milliseconds, method = 'GET' }) {
      const own = await token();
      return client.open(`/api/v1/namespaces/${namespace}/pods/${target}/proxy${path}`, {
        signal,
        milliseconds,
        method,
        right,
        headers: { ...headers, ...(own !== undefined && { 'nftscope-authorization': `Bearer ${own}` }) },
      });
    },
  };
}

export interface DirectTls {
  readonly ca: Buffer;
  /** The name in the certificates of the agents. */
  readonly serverName: string;
}

const agents = new WeakMap<DirectTls, https.Agent>();

export function directWay(pod: NodePod, tls: DirectTls, token: () => Promise<string | undefined>): AgentWay {
  const { address = '', port } = pod;
  const host = address.includes(':') ? `[${address}]` : address;
  const agent = agents.get(tls) ?? new https.Agent({ keepAlive: true, maxFreeSockets: 64 });
  agents.set(tls, agent);
  return {
    name: 'TLS to its address',
    async get(path, headers, { signal, milliseconds, method = 'GET' }) {
      const own = await token();
      const options = {
        method,
        agent,
        ca: tls.ca,
        servername: tls.serverName,
        // Against this name and not the address that is dialled: pods change theirs.
        checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
          checkServerIdentity(tls.serverName, certificate),
        headers: { ...headers, ...(own !== undefined && { authorization: `Bearer ${own}` }) },
      };
      return answered(() => https.request(`https://${host}:${port}${path}`, options), signal, milliseconds);
    },
  };
}
