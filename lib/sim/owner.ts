/** The process that a packet belongs to, as rules ask for it (nft_meta_get_eval_skugid, owner_mt). */

interface Assuming {
  assume(code: string, say: string): void;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
  /** Nobody said who it is: it is taken to be root, and that is told where somebody asks. */
  readonly unsaid?: { readonly who: string; readonly uid: boolean; readonly gid: boolean };
}

/** The owner of what a listening socket answers. */
export const LISTENER: Owner = { uid: 0, gid: 0, unsaid: { who: 'The process that listens', uid: true, gid: true } };

/** Of a packet that a process sends. */
export const senderOf = ({ uid, gid }: { readonly uid?: number; readonly gid?: number }): Owner => ({
  uid: uid ?? 0,
  gid: gid ?? uid ?? 0,
  unsaid: { who: 'The process that sends', uid: uid === undefined, gid: gid === undefined },
});

/** Somebody asks for it: what it is, and what is taken for granted. */
export function askOwner(run: Assuming, owner: Owner, part: 'uid' | 'gid'): number {
  const { unsaid } = owner;
  if (unsaid?.[part] === true) {
    const is = part === 'uid' ? `run as user ${owner.uid}` : `be of group ${owner.gid}`;
    run.assume(`owner-${part}`, `${unsaid.who} is taken to ${is}${owner[part] === 0 ? ' (root)' : ''}.`);
  }
  return owner[part];
}
