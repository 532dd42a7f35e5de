/** How it is known whether the ruleset of a node changed since it was read. */
export type Following =
  /** Its agent tells changes at once. */
  | { readonly kind: 'heard' }
  /** Its agent is asked in turn: a change is known this much later at most. */
  | { readonly kind: 'asked'; readonly everySeconds: number }
  /** Neither heard nor asked yet. */
  | { readonly kind: 'not-yet' }
  /** What is shown is as old as its time. */
  | { readonly kind: 'lost'; readonly why: string }
  /** No agent is followed: what is shown is as old as its time. */
  | { readonly kind: 'not' };
