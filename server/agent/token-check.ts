/** Whether a token may read this agent: the port, and the check against a file. */
import 'server-only';
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Non-resource URLs, as rules of a ClusterRole name them. */
export type AgentResource = '/nftscope/agent' | '/metrics';
export type TokenVerdict =
  | { readonly kind: 'allowed' | 'forbidden' }
  /** `advice`: where a token that is known here comes from. */
  | { readonly kind: 'unknown'; readonly advice: string }
  /** Could not be checked. Nobody is let in then. */
  | { readonly kind: 'unavailable'; readonly why: string };
export type TokenCheck = (token: string, resource: AgentResource) => Promise<TokenVerdict>;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Tokens of a file, one a line. The file is read at each check: a token that was taken out is refused at once. */
export function tokenFileCheck(path: string): TokenCheck {
  return async (token) => {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      return {
        kind: 'unavailable',
        why: `the file of tokens cannot be read (${(error as NodeJS.ErrnoException).code})`,
      };
    }
    const given = digest(token);
    let isKnown = false;
    // All are compared, each in the same time, so that time tells nothing.
    for (const line of text.split('\n')) {
      const known = line.trim();
      const isToken = known !== '' && !known.startsWith('#');
      if (timingSafeEqual(digest(known), given) && isToken) isKnown = true;
    }
    return isKnown ? { kind: 'allowed' } : { kind: 'unknown', advice: FROM_FILE };
  };
}
const FROM_FILE = 'Send a token that stands in the file of tokens that this agent was started with (--token-file).';
