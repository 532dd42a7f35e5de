import { expect, test } from 'vitest';
import { endpoint, fleet, lines, nodeObject, type Objects, pod, service, slice } from '../testing/fleet';
import { endpointFindings } from './endpoints';

const NODES = [nodeObject('node-1'), nodeObject('node-2')];
const GONE = { ready: false, serving: false };
const LEAVING = { ready: false, serving: true, terminating: true };
const PODS = [pod('web-1', '10.244.1.5'), pod('web-2', '10.244.2.5')];

const one = (spec: object, slices: readonly object[], more: Objects = {}): Objects => ({
  services: [service('web', spec)],
  slices,
  nodes: NODES,
  pods: PODS,
  ...more,
});

test.each<readonly [string, Objects, readonly string[]]>([
  ['a ready endpoint', one({}, [slice('web', ['10.244.1.5'])]), []],
  ['no slice', one({}, []), ['no-endpoints shop/web']],
  ['an empty slice', one({}, [slice('web', [])]), ['no-endpoints shop/web']],
  ['a headless Service without endpoints', one({ clusterIP: 'None' }, []), []],
  ['an external name', one({ type: 'ExternalName', clusterIP: undefined }, []), []],
  [
    'what another proxy serves',
    {
      ...one({}, []),
      services: [
        {
          ...service('web'),
          metadata: { namespace: 'shop', name: 'web', labels: { 'service.kubernetes.io/service-proxy-name': 'x' } },
        },
      ],
    },
    [],
  ],
  ['none ready', one({}, [slice('web', [endpoint('10.244.1.5', GONE)])]), ['no-ready-endpoints shop/web']],
  ['one of two ready', one({}, [slice('web', [endpoint('10.244.1.5', GONE), '10.244.2.5'])]), []],
  ['only one that ends, and still serves', one({}, [slice('web', [endpoint('10.244.1.5', LEAVING)])]), []],
  [
    'another name of the port',
    one({}, [slice('web', ['10.244.1.5'], [{ name: 'web', port: 8080 }])]),
    ['endpoint-port-mismatch shop/web'],
  ],
  [
    'another protocol',
    one({}, [slice('web', ['10.244.1.5'], [{ name: 'http', port: 8080, protocol: 'UDP' }])]),
    ['endpoint-port-mismatch shop/web'],
  ],
  ['no port', one({}, [slice('web', ['10.244.1.5'], [])]), ['endpoint-port-mismatch shop/web']],
  ['another number is the target port', one({}, [slice('web', ['10.244.1.5'], [{ name: 'http', port: 9 }])]), []],
  [
    'Services of the same pods share the fault',
    {
      ...one({}, []),
      services: [
        service('web'),
        service('web2', { selector: { app: 'web' }, clusterIP: '10.96.0.11' }),
        service('db', { clusterIP: '10.96.0.12' }),
      ],
    },
    ['no-endpoints shop/web,shop/web2', 'no-endpoints shop/db'],
  ],
  [
    'internal policy Local',
    one({ internalTrafficPolicy: 'Local' }, [slice('web', ['10.244.1.5'])]),
    ['internal-policy-no-local-endpoint shop/web @node-2'],
  ],
  [
    'internal policy Local, one everywhere',
    one({ internalTrafficPolicy: 'Local' }, [slice('web', ['10.244.1.5', '10.244.2.5'])]),
    [],
  ],
  [
    'external policy Local of a ClusterIP that nobody reaches from outside',
    one({ externalTrafficPolicy: 'Local' }, [slice('web', ['10.244.1.5'])]),
    [],
  ],
  [
    'external policy Local of a NodePort',
    one({ type: 'NodePort', externalTrafficPolicy: 'Local', ports: [{ name: 'http', port: 80, nodePort: 30080 }] }, [
      slice('web', ['10.244.1.5']),
    ]),
    ['external-policy-no-local-endpoint shop/web @node-2'],
  ],
  [
    'policy Local and none ready anywhere',
    one({ internalTrafficPolicy: 'Local' }, [slice('web', [endpoint('10.244.1.5', GONE)])]),
    ['no-ready-endpoints shop/web'],
  ],
  [
    'an address of the pod network that no pod has',
    one({}, [slice('web', ['10.244.1.5', '10.244.2.99'])]),
    ['endpoint-not-a-pod-address shop/web'],
  ],
  [
    'an address of a pod that has ended',
    one({}, [slice('web', ['10.244.2.7'])], { pods: [pod('job', '10.244.2.7', 'Succeeded')] }),
    ['endpoint-not-a-pod-address shop/web'],
  ],
  ['an address outside', one({}, [slice('web', ['198.51.100.7'])]), []],
  ['the address of a node', one({}, [slice('web', ['10.240.0.12'])]), []],
  ['a ClusterIP as an endpoint', one({}, [slice('web', ['10.96.0.10'])]), ['endpoint-not-a-pod-address shop/web']],
  [
    'a stray address that is not ready is not used',
    one({}, [slice('web', ['10.244.1.5', endpoint('10.244.2.99', GONE)])]),
    [],
  ],
  ['a slice that outlived its Service', one({}, [slice('web', ['10.244.1.5']), slice('old', ['10.244.2.99'])]), []],
])('%s', (_, objects, want) => {
  expect(lines(endpointFindings(fleet(objects)))).toEqual(want);
});

test('unknown pods prove nothing about addresses', () => {
  const { cluster } = fleet(one({}, [slice('web', ['10.244.2.99'])]));
  const context = fleet(one({}, [slice('web', ['10.244.2.99'])]));
  Object.assign(context, { cluster: { ...cluster, pods: { known: false, why: 'not read' } } });
  expect(endpointFindings(context)).toEqual([]);
});
