/** A field of a Service that could be different, in words and as a command. */

import type { ServicePort } from '../cluster/cluster';
import type { EditedService } from '../counterfactual/service-edits';
import { quoted } from './shell-word';

const portName = ({ name, port, protocol }: ServicePort): string => name ?? `${port}/${protocol.toLowerCase()}`;

export function serviceSentence({ service, edit }: EditedService): string {
  const name = `Service ${service.namespace}/${service.name}`;
  switch (edit.field) {
    case 'externalTrafficPolicy':
    case 'internalTrafficPolicy':
    case 'publishNotReadyAddresses':
    case 'sessionAffinity':
      return `With ${edit.field} ${edit.to} instead of ${edit.from} in ${name}`;
    case 'loadBalancerSourceRanges':
      return `With ${edit.add} in loadBalancerSourceRanges of ${name}`;
    case 'ports': {
      const { port, protocol, nodePort } = edit.add;
      const at = nodePort === undefined ? `port ${port}` : `nodePort ${nodePort}`;
      return `With ${at}/${protocol.toLowerCase()} in ${name}, leading where its port ${portName(edit.like)} does`;
    }
    case 'nodePort':
      return `With nodePort ${edit.to} for port ${portName(edit.of)} of ${name}`;
    case 'ready': {
      const pod = edit.pod === undefined ? '' : ` (pod ${edit.pod.namespace}/${edit.pod.name})`;
      return `With endpoint ${edit.address}${pod} of ${name} ready`;
    }
    case 'selector': {
      const [first] = edit.pods;
      const more = edit.pods.length > 1 ? ` and ${edit.pods.length - 1} more` : '';
      const who = first === undefined ? '' : `, which selects pod ${first.namespace}/${first.name}${more}`;
      return edit.to === null
        ? `Without ${edit.label}=${edit.from} in the selector of ${name}${who}`
        : `With ${edit.label}=${edit.to} instead of ${edit.label}=${edit.from} in the selector of ${name}${who}`;
    }
  }
}

/** Null where no command does it: a pod becomes ready by its own probe, and an unnamed port first needs a name. */
export function patchCommand({ service, edit }: EditedService): string | null {
  const patch = (value: unknown, ...more: readonly string[]): string =>
    [
      `kubectl -n ${quoted(service.namespace)} patch service ${quoted(service.name)}`,
      ...more,
      `-p ${quoted(JSON.stringify(value))}`,
    ].join(' ');
  const add = (path: string, value: unknown): string => patch([{ op: 'add', path, value }], '--type json');
  switch (edit.field) {
    case 'externalTrafficPolicy':
    case 'internalTrafficPolicy':
    case 'sessionAffinity':
      return patch({ spec: { [edit.field]: edit.to } });
    case 'publishNotReadyAddresses':
      return patch({ spec: { publishNotReadyAddresses: true } });
    case 'loadBalancerSourceRanges':
      return add('/spec/loadBalancerSourceRanges/-', edit.add);
    case 'ports':
      return edit.like.name === undefined ? null : add('/spec/ports/-', edit.add);
    case 'nodePort':
      return patch({ spec: { ports: [{ port: edit.of.port, protocol: edit.of.protocol, nodePort: edit.to }] } });
    case 'ready':
      return null;
    case 'selector':
      return patch({ spec: { selector: { [edit.label]: edit.to } } });
  }
}
