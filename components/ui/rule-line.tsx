import Link from 'next/link';
import { Fragment, type ReactNode, useMemo } from 'react';
import type { OwnerKey } from '@/lib/api/types';
import { splitName } from '@/lib/explain/chain-name';
import type { Token, TokenRef } from '@/lib/render/tokens';
import { cx } from './cx';
import { OwnerBar } from './owner-tag';
import { groupTokens, type Piece } from './token-groups';

interface CodeProps {
  readonly tokens: readonly Token[];
  /** Where the thing behind a name opens; without it names are text. */
  readonly hrefOf?: ((ref: TokenRef) => string | undefined) | undefined;
  /** Tokens to mark as found, by index. */
  readonly hits?: ReadonlySet<number> | undefined;
  /** The statement to underline: the part that the explanation points at. */
  readonly statement?: number | undefined;
  /** -1 where a list moves the focus itself and its links must not be stops of the tab key. */
  readonly linkTabIndex?: number | undefined;
}

/** nft text in its colours: reads teal, writes plum, names indigo. One look wherever a rule is shown. */
export function Code({ tokens, hrefOf, hits, statement, linkTabIndex }: CodeProps) {
  const groups = useMemo(() => groupTokens(tokens, hits), [tokens, hits]);
  return (
    <>
      {groups.map((group, i) => (
        <Fragment key={group.at}>
          {i === 0 ? null : ' '}
          <span className="inline-block max-w-full [overflow-wrap:anywhere]">
            {runs(group.pieces, hits).map((run) => {
              const pieces = run.pieces.map((piece, k) => (
                <Fragment key={piece.at}>
                  {piece.spaced && !(run.hit && k === 0) ? ' ' : null}
                  <PieceOf
                    piece={piece}
                    hrefOf={hrefOf}
                    tabIndex={linkTabIndex}
                    pointed={statement !== undefined && piece.statement === statement}
                  />
                </Fragment>
              ));
              if (!run.hit) return <Fragment key={run.at}>{pieces}</Fragment>;
              return (
                <Fragment key={run.at}>
                  {run.pieces[0]?.spaced ? ' ' : null}
                  <mark className="-mx-0.5 rounded-mark bg-marker-hit px-0.5 text-ink [&_*]:text-ink">{pieces}</mark>
                </Fragment>
              );
            })}
          </span>
        </Fragment>
      ))}
    </>
  );
}

type Spaced = Piece & { readonly spaced: boolean };

/** Runs of pieces that are found or not, so that an element found is marked as one. */
function runs(
  pieces: readonly Spaced[],
  hits: ReadonlySet<number> | undefined,
): readonly { readonly at: number; readonly hit: boolean; readonly pieces: readonly Spaced[] }[] {
  const out: { at: number; hit: boolean; pieces: Spaced[] }[] = [];
  for (const piece of pieces) {
    const hit = hits?.has(piece.token) ?? false;
    const last = out.at(-1);
    if (last?.hit === hit) last.pieces.push(piece);
    else out.push({ at: piece.at, hit, pieces: [piece] });
  }
  return out;
}

function PieceOf({
  piece,
  hrefOf,
  tabIndex,
  pointed,
}: {
  readonly piece: Piece;
  readonly hrefOf: CodeProps['hrefOf'];
  readonly tabIndex: number | undefined;
  readonly pointed: boolean;
}) {
  const look = cx(pieceLook(piece), pointed && 'underline decoration-2 decoration-current underline-offset-4');
  const href = piece.ref === undefined ? undefined : hrefOf?.(piece.ref);
  if (href === undefined) return <span className={look}>{nameText(piece)}</span>;
  return (
    <Link href={href} scroll={false} tabIndex={tabIndex} className={pointed ? look : cx(look, 'link')}>
      {nameText(piece)}
    </Link>
  );
}

/** Prefix and hash of a name made by kube-proxy are quiet. */
function nameText(piece: Piece): ReactNode {
  if (piece.kind !== 'name' && piece.kind !== 'set') return piece.text;
  const at = piece.text.startsWith('@') ? '@' : '';
  const parts = splitName(piece.text.slice(at.length));
  if (parts.hash === '') return piece.text;
  return (
    <>
      {at}
      <span className="text-ink-3">
        {parts.prefix}
        {parts.hash}
      </span>
      {parts.meaning}
    </>
  );
}

function pieceLook(piece: Piece): string {
  switch (piece.kind) {
    case 'keyword':
      return 'text-ink-3';
    case 'field':
    case 'punctuation':
      return 'text-ink';
    case 'operator':
      return 'text-ink-2';
    case 'value':
      return 'text-read';
    case 'set':
      return 'text-name';
    case 'name':
      // A name without a place to go is one that is declared here.
      return piece.ref === undefined ? 'font-[560] text-ink' : 'text-name';
    case 'write':
      return 'font-[650] text-write';
    case 'comment':
      return 'text-ink-3 italic';
    case 'verdict':
      return verdictLook(piece.text);
  }
}

function verdictLook(text: string): string {
  if (text === 'accept') return 'font-[650] text-delivered';
  if (text === 'drop' || text.startsWith('reject')) return 'font-[650] text-lost';
  if (text === 'jump' || text === 'goto') return 'font-[650] text-name';
  if (text === 'vmap') return 'text-ink-3';
  return 'font-[650] text-ink';
}

interface RuleLineProps extends CodeProps {
  readonly handle?: number | undefined;
  /** `left`: in a column of its own, as in the Ruleset. `end`: `#52` behind the text, as in a trace. */
  readonly handleAt?: 'left' | 'end';
  readonly owner?: OwnerKey | undefined;
  /** At the right: what the rule touches. */
  readonly aside?: ReactNode;
  readonly indent?: number;
  readonly className?: string;
}

/** A rule: owner bar, handle, text with a hanging indent, and at the right what it touches. */
export function RuleLine({ handle, handleAt = 'end', owner, aside, indent = 0, className, ...code }: RuleLineProps) {
  return (
    <span className={cx('flex min-w-0 gap-2', className)}>
      {owner === undefined ? null : <OwnerBar owner={owner} className="self-stretch" />}
      {handleAt === 'left' ? (
        <span className="w-8 shrink-0 select-none text-right font-mono text-[11px] text-ink-3">{handle ?? ''}</span>
      ) : null}
      <code className="hang block min-w-0 flex-1 text-code" style={{ marginLeft: `${indent * 2}ch` }}>
        <Code {...code} />
        {handleAt === 'end' && handle !== undefined ? (
          <span className="whitespace-nowrap text-[11px] text-ink-3"> #{handle}</span>
        ) : null}
      </code>
      {aside === undefined ? null : <span className="shrink-0 pl-2 text-label font-normal text-ink-2">{aside}</span>}
    </span>
  );
}
