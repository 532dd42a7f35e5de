/** The manifests fit the program: its options, its port, the label and the rights by which it is found and asked. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { agentProblems } from '@/server/agent/agent-problems';
import { helpFor } from '@/server/cli/help';
import { podUse } from '@/server/kube/node-pods';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../deploy/${path}`, import.meta.url)), 'utf8');
const optionsIn = (text: string) => [...text.matchAll(/^ +(?:- |value: )(--[a-z-]+)=/gm)].map(([, option]) => option);

describe('the agent in a cluster', () => {
  const daemonSet = read('agent/daemonset.yaml');

  test.each(['agent/daemonset.yaml', 'agent-node-nft/kustomization.yaml'])(
    '%s gives options that there are',
    (file) => {
      const options = optionsIn(read(file));
      expect(options.length).toBeGreaterThan(0);
      for (const option of options) expect(helpFor('agent')).toMatch(new RegExp(`${option}\\b`));
    },
  );

  test('its pods are found, with their port', () => {
    const [, labels = ''] = /template:\n {4}metadata:\n {6}labels:\n {8}(\S+: \S+)\n/.exec(daemonSet) ?? [];
    const [key = '', value = ''] = labels.split(': ');
    const [, port = '', number = ''] = /- name: (https?)\n +containerPort: (\d+)\n/.exec(daemonSet) ?? [];
    const [, namespace = ''] = /^ {2}namespace: (\S+)$/m.exec(daemonSet) ?? [];
    const [, set = ''] = /^ {2}name: (\S+)$/m.exec(daemonSet) ?? [];
    const [, host = ''] = /^ {6}hostNetwork: (\S+)$/m.exec(daemonSet) ?? [];
    const pod = {
      metadata: {
        namespace,
        name: `${set}-x`,
        labels: { [key]: value },
        ownerReferences: [{ kind: 'DaemonSet', name: set, controller: true }],
      },
      spec: {
        nodeName: 'n',
        hostNetwork: JSON.parse(host),
        containers: [{ name: 'agent', ports: [{ name: port, containerPort: Number(number) }] }],
      },
    };
    expect(podUse(pod, {})).toMatchObject({ kind: 'reads', pod: { role: 'agent', scheme: 'https', port: 9632 } });
    expect(helpFor('agent')).toContain('default 9632');
  });

  test('the rights are those that callers are asked for', () => {
    const rbac = read('agent/rbac.yaml');
    for (const resource of ['/nftscope/agent', '/metrics']) {
      expect(rbac).toContain(`nonResourceURLs: [${resource}]`);
      expect(agentProblems.forbidden(resource).detail).toContain(resource);
    }
  });

  test('nothing but NET_ADMIN, and no token of its account but one that is mounted by name', () => {
    expect(daemonSet.match(/add: \[.*\]/g)).toEqual(['add: [NET_ADMIN]']);
    expect(daemonSet.match(/drop: \[ALL\]/g)).toHaveLength(2);
    expect(daemonSet).not.toMatch(/privileged: true|hostPID|hostPath/);
    expect(read('agent/rbac.yaml')).toContain('automountServiceAccountToken: false');
  });
});
