'use client';

import { PlaceGate } from '../shell/place-gate';
import { ServiceDetail } from './service-detail';
import { ServiceList } from './service-list';
import { useServiceState } from './use-service-state';

/** All Services, or one: does it work on every node, and if not, what is missing? */
export function ServiceView() {
  const [{ service }] = useServiceState();
  return (
    <PlaceGate>
      {({ source, node }) =>
        service === null ? (
          <ServiceList key={source.id} source={source} node={node.name} />
        ) : (
          <ServiceDetail key={`${source.id} ${service}`} source={source} node={node} service={service} />
        )
      }
    </PlaceGate>
  );
}
