/** Why the API server, or somebody behind it, did not answer as asked. */
import 'server-only';
import type { IncomingMessage } from 'node:http';

/** A right in the words of RBAC. */
export interface Right {
  readonly verb: string;
  /** With the subresource: `pods/proxy`. */
  readonly resource: string;
  readonly group: string;
  readonly namespace?: string | undefined;
}

export type Trouble =
  | { readonly kind: 'unreachable'; readonly why: string }
  /** `why`: there are no credentials at all. */
  | { readonly kind: 'unauthorized'; readonly why?: string }
  | { readonly kind: 'forbidden'; readonly right: Right; readonly said: string }
  /** 410: history does not reach back so far. */
  | { readonly kind: 'gone' }
  /** `againMs`: not asked again before that (Retry-After, RFC 9110, 10.2.3). */
  | { readonly kind: 'status'; readonly status: number; readonly said: string; readonly againMs?: number }
  | { readonly kind: 'nonsense'; readonly why: string }
  | { readonly kind: 'cancelled' };

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly trouble: Trouble };

export const troubled = (trouble: Trouble): { readonly ok: false; readonly trouble: Trouble } => ({
  ok: false,
  trouble,
});

/** It says nothing of what was asked for, and ends by itself: what is held is as good as before once it is over. */
export const passes = (trouble: Trouble): boolean =>
  trouble.kind === 'unreachable' ||
  trouble.kind === 'unauthorized' ||
  (trouble.kind === 'status' && (trouble.status >= 500 || trouble.status === 429));

/** `list pods (API group "") in the namespace shop` */
function describeRight({ verb, resource, group, namespace }: Right): string {
  return `${verb} ${resource} (API group "${group}")${namespace === undefined ? '' : ` in the namespace ${namespace}`}`;
}

export function describeTrouble(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'unreachable':
      return `the API server does not answer: ${trouble.why}`;
    case 'unauthorized':
      return trouble.why === undefined
        ? 'the API server does not accept the credentials: they may have expired'
        : `there are no credentials: ${trouble.why}`;
    case 'forbidden':
      return `missing right: ${describeRight(trouble.right)}`;
    case 'gone':
      return 'the API server no longer has that version';
    case 'status':
      // It says it in a sentence, and becomes a part of one.
      return `the API server answers ${trouble.status}${trouble.said === '' ? '' : `: ${trouble.said.replace(/\.+$/, '')}`}`;
    case 'nonsense':
      return `the answer makes no sense: ${trouble.why}`;
    case 'cancelled':
      return 'cancelled';
  }
}

/** An answer that an agent does not give to this path. A page of HTML comes from somebody in between: a proxy, a login. */
export function oddAnswer({ statusCode = 0, headers }: Pick<IncomingMessage, 'statusCode' | 'headers'>, path: string) {
  const type = headers['content-type']?.split(';')[0];
  if (type === 'text/html')
    return `what answers at ${path} is no agent: it sends a page of HTML (status ${statusCode})`;
  if (statusCode === 200) return `what answers at ${path} is no agent: it sends ${type ?? 'something without a type'}`;
  return `the agent answers ${statusCode} to ${path}`;
}
