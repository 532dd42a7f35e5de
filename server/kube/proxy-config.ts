/** kube-proxy's configuration, as kubeadm and others keep it in a ConfigMap. */
import 'server-only';
import { at, decoding } from '@/lib/net/json-cursor';
import type { KubeClient } from './kube-client';
import type { Answer } from './trouble';

/** Fields of KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1). Null: the configuration does not say. */
export interface ProxyConfig {
  readonly mode: string | null;
  readonly clusterCIDR: string | null;
  readonly nodePortAddresses: readonly string[] | null;
  readonly masqueradeAll: boolean | null;
}
const PATH = '/api/v1/namespaces/kube-system/configmaps/kube-proxy';

/** Undefined: there is none, or it is no such configuration. */
export async function readProxyConfig(
  client: KubeClient,
  signal: AbortSignal,
): Promise<Answer<ProxyConfig | undefined>> {
  const right = { verb: 'get', resource: 'configmaps', group: '', namespace: 'kube-system' };
  const answer = await client.json(PATH, { signal, right });
  if (!answer.ok)
    return answer.trouble.kind === 'status' && answer.trouble.status === 404 ? { ok: true, value: undefined } : answer;
  const text = decoding(() => at(answer.value).optional('data')?.optional('config.conf')?.string());
  return { ok: true, value: text.ok && text.value !== undefined ? await decodeConfig(text.value) : undefined };
}

/** @param yaml `config.conf` of the ConfigMap */
async function decodeConfig(yaml: string): Promise<ProxyConfig | undefined> {
  const { loadYaml } = await import('@kubernetes/client-node');
  let json: unknown;
  try {
    json = loadYaml(yaml);
  } catch {
    return undefined;
  }
  const decoded = decoding(() => {
    const root = at(json);
    const text = (name: string) => root.optional(name)?.string() || null;
    return {
      mode: text('mode'),
      clusterCIDR: text('clusterCIDR'),
      nodePortAddresses:
        root
          .optional('nodePortAddresses')
          ?.items()
          .map((one) => one.string()) ?? null,
      masqueradeAll:
        (
          root.optional('nftables')?.optional('masqueradeAll') ?? root.optional('iptables')?.optional('masqueradeAll')
        )?.boolean() ?? null,
    };
  });
  return decoded.ok ? decoded.value : undefined;
}
