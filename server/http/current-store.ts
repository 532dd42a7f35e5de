/** The store of this process. Next bundles each route by itself; the global object is the one place they share. */
import 'server-only';
import { type Configured, configuredStore } from '../sessions/configured';

const KEY = Symbol.for('nftscope.store');
const shared = globalThis as { [KEY]?: Promise<Configured> };

export function currentStore(): Promise<Configured> {
  shared[KEY] ??= configuredStore(new AbortController().signal);
  return shared[KEY];
}

/** For tests. */
export function replaceStore(store: Configured | undefined): void {
  if (store === undefined) delete shared[KEY];
  else shared[KEY] = Promise.resolve(store);
}
