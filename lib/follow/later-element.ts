/**
 * An element as it is some time later: its `expires` (whole seconds, rounded down by nft) is smaller by that time.
 *
 * @returns undefined where it has ended
 */
export function laterElement(text: string, passedMs: number): string | undefined {
  let hasEnded = false;
  // Inside a comment the quotes would be escaped.
  const later = text.replace(/("expires": *)(\d+)/g, (_, name: string, seconds: string) => {
    const left = (Number(seconds) + 1) * 1000 - passedMs;
    if (left <= 0) hasEnded = true;
    return `${name}${Math.max(0, Math.ceil(left / 1000) - 1)}`;
  });
  return hasEnded ? undefined : later;
}
