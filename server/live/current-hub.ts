/** The hub of this process; see server/http/current-store.ts. */
import 'server-only';
import type { Store } from '../sessions/store';
import { LiveHub } from './hub';

const KEY = Symbol.for('nftscope.live');
const shared = globalThis as { [KEY]?: LiveHub };

export function currentHub(store: Store): LiveHub {
  if (shared[KEY]?.store !== store) shared[KEY] = new LiveHub(store);
  return shared[KEY];
}
