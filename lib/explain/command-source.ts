/** Commands that show something again name the source as `S`; who shows them knows how the source is named on the command line. */

/** Quoted where a shell needs it. */
const quoted = (word: string): string => (/^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** The command for the source that `--source WORD` opens. */
export const fromSource = (command: string, word: string): string =>
  command.replace(/--source S(?=\s|$)/, () => `--source ${quoted(word)}`);
