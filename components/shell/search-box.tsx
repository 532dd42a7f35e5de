'use client';

import Link from 'next/link';
import { usePathname, useRouter, useSearchParams } from 'next/navigation';
import { type FormEvent, useRef } from 'react';
import { STRINGS } from '../strings';
import { SearchIcon } from '../ui/icons';
import { Kbd } from '../ui/kbd';
import { useKeyMeaning, useKeys } from './keys';
import { viewHref } from './views';

/**
 * Search from anywhere: it opens the Ruleset with what was typed. The ruleset's text has a search of its own that shows its
 * places, so the box is not drawn a second time there.
 */
export function SearchBox() {
  const pathname = usePathname();
  const params = useSearchParams();
  return pathname.startsWith('/ruleset') && params.get('set') === null ? null : <GlobalSearch />;
}

const SEARCH = 'Search the ruleset';

function GlobalSearch() {
  const params = useSearchParams();
  const router = useRouter();
  const input = useRef<HTMLInputElement>(null);
  const place = { source: params.get('source'), node: params.get('node') };
  useKeys('Everywhere', [{ keys: '/', say: SEARCH, run: () => input.current?.focus() }]);
  // Where a view has a filter, the key is the filter's.
  const isKeyOwn = useKeyMeaning('/') === SEARCH;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    router.push(viewHref('/ruleset', { ...place, q: input.current?.value.trim() ?? '' }));
  };
  return (
    <>
      <Link
        href={viewHref('/ruleset', place)}
        aria-label={STRINGS.search}
        className="inline-flex size-11 items-center justify-center text-ink md:hidden"
      >
        <SearchIcon size={18} />
      </Link>
      <search className="hidden md:block">
        <form onSubmit={submit}>
          <div className="flex h-7 w-[clamp(9rem,15vw,13rem)] items-center gap-2 rounded-control border border-line-strong bg-surface px-2.5 focus-within:outline-2 focus-within:outline-focus focus-within:outline-offset-2">
            <SearchIcon className="text-ink-2" />
            <input
              ref={input}
              type="search"
              aria-label={STRINGS.search}
              aria-keyshortcuts={isKeyOwn ? '/' : undefined}
              placeholder="ip: port: chain: …"
              className="min-w-0 flex-1 bg-transparent outline-none placeholder:text-ink-3"
            />
            {isKeyOwn ? <Kbd>/</Kbd> : null}
          </div>
        </form>
      </search>
    </>
  );
}
