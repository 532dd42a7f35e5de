import { Fragment } from 'react';
import type { Word } from '@/lib/explain/words';

/** Prose with nft's words in mono and names in indigo. */
export function Words({ words }: { readonly words: readonly Word[] }) {
  let at = 0;
  return (
    <>
      {words
        .filter((word) => word.text !== '')
        .map((word) => {
          const key = at;
          at += word.text.length;
          return <Fragment key={key}>{wordOf(word)}</Fragment>;
        })}
    </>
  );
}

function wordOf(word: Word) {
  switch (word.style) {
    case 'plain':
      return word.text;
    case 'code':
      return <code className="text-code text-ink [overflow-wrap:anywhere]">{word.text}</code>;
    case 'name':
      return <code className="text-code text-name [overflow-wrap:anywhere]">{word.text}</code>;
    case 'strong':
      return <strong className="font-[640]">{word.text}</strong>;
    case 'em':
      return <em>{word.text}</em>;
  }
}
