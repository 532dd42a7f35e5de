/** GET /api/stream?source=ID: what changes in a live source, as server-sent events. The kind is the name of the event. */
export type LiveEvent =
  /** The first: what is shown from before may be old. */
  | { readonly kind: 'hello'; readonly beatMs: number }
  /** Nothing but that the connection lives. */
  | { readonly kind: 'beat' }
  /** The node has this version; null: it changed, and nobody read it yet. */
  | { readonly kind: 'node'; readonly source: string; readonly node: string; readonly version: string | null }
  /** Nodes came or went. */
  | { readonly kind: 'nodes'; readonly source: string }
  /** The cluster's objects changed. */
  | { readonly kind: 'cluster'; readonly source: string }
  /** `what` (a program, the API server) is not heard any more: what it told may be old; and is heard again. */
  | { readonly kind: 'lost'; readonly source: string; readonly what: string; readonly why: string }
  | { readonly kind: 'back'; readonly source: string; readonly what: string };

export const LIVE_KINDS = [
  'hello',
  'beat',
  'node',
  'nodes',
  'cluster',
  'lost',
  'back',
] as const satisfies readonly LiveEvent['kind'][];
