/** The views that exist, in the order of the bar. `keys` is the sequence that opens one. */
export const VIEWS = [
  { path: '/fleet', name: 'Fleet', keys: 'g f' },
  { path: '/trace', name: 'Trace', keys: 'g t' },
  { path: '/service', name: 'Services', keys: 'g s' },
  { path: '/ruleset', name: 'Ruleset', keys: 'g r' },
  { path: '/hook-map', name: 'Hook map', keys: 'g h' },
  { path: '/conflicts', name: 'Conflicts', keys: 'g c' },
  { path: '/findings', name: 'Findings', keys: 'g i' },
] as const;

export type ViewPath = (typeof VIEWS)[number]['path'];

/** A link to a view that keeps source and node; empty parameters are left out. */
export function viewHref(
  path: ViewPath | '/',
  params: { readonly [key: string]: string | number | null | undefined },
): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '') query.set(key, String(value));
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
