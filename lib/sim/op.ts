/** What a compiled statement does to the evaluation of its rule. */
import type { Verdict } from '../nft/model';
import type { Context, WhyNot } from './environment';
import type { Reason } from './trace';
import type { Unknown } from './value';

/** The rule ends here and evaluation goes on with the next one. */
export class Broken {
  constructor(
    readonly why: WhyNot,
    /** Index of the statement that ended the rule, where it is not the one that ran. */
    readonly statement?: number,
  ) {}
}

export type OpResult = undefined | Broken | Verdict | { readonly kind: 'stolen' } | { readonly kind: 'queue' };
export type Op = (c: Context) => OpResult;

/** Ends the run: what is unknown would have to be known here. */
export function stop(c: Context, u: Unknown): never {
  const reason: Reason = u.reason.at !== undefined || c.at === undefined ? u.reason : { ...u.reason, at: c.at };
  return c.run.undecided(reason.code, reason.say, reason.settle, reason.at);
}
