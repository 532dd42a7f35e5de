import { POLICIES_ARE } from '@/lib/api/policies-text';
import type { ServicePage } from '@/lib/api/service-types';
import { count } from '@/lib/explain/words';

/** NetworkPolicies that select pods behind the Service. */
export function EndpointPolicies({ policies: { unknown, list, of } }: { readonly policies: ServicePage['policies'] }) {
  return (
    <section aria-labelledby="policies">
      <h2 id="policies" className="font-[640]">
        NetworkPolicies
      </h2>
      {unknown === null ? null : <p className="mt-1 text-prose">Not known: {unknown}.</p>}
      {unknown === null && list.length === 0 ? (
        <p className="mt-1 text-ink-2">
          {of === 0
            ? 'No pod is behind the Service.'
            : `None selects ${of === 1 ? 'its pod' : `one of its ${count(of, 'pod')}`}.`}
        </p>
      ) : null}
      {list.length === 0 ? null : (
        <>
          <ul className="mt-1.5 divide-y divide-line rounded-card border border-line">
            {list.map(({ namespace, name, directions, selects, pods }) => (
              <li key={`${namespace}/${name}`} className="px-2.5 py-1.5">
                <span className="font-mono text-[12px] [overflow-wrap:anywhere]">
                  {namespace}/{name}
                </span>
                <span className="block text-[12px] text-ink-2 [overflow-wrap:anywhere]">
                  {directions.join(', ')};{' '}
                  {selects === 'unknown'
                    ? 'what it selects is not known'
                    : pods.length === of
                      ? `selects ${of === 1 ? 'the pod' : `all ${of} pods`}`
                      : `selects ${pods.length} of ${of}: ${pods.join(', ')}`}
                </span>
              </li>
            ))}
          </ul>
          <p className="mt-1 text-[12px] text-ink-2">They are {POLICIES_ARE}.</p>
        </>
      )}
    </section>
  );
}
