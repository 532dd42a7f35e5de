'use client';

import { Menu } from '@base-ui/react/menu';
import Link from 'next/link';
import { usePathname, useRouter, useSearchParams } from 'next/navigation';
import { LiveStatus } from '../live/live-status';
import { STRINGS } from '../strings';
import { cx } from '../ui/cx';
import { ChevronDown, Logo } from '../ui/icons';
import { itemLook, popupLook } from '../ui/select';
import { FindingsBadge } from './findings-badge';
import { useKeys } from './keys';
import { KeysHelp } from './keys-help';
import { SearchBox } from './search-box';
import { SourcePicker } from './source-picker';
import { ThemeMenu } from './theme-menu';
import { VIEWS, viewHref } from './views';

export function TopBar() {
  const pathname = usePathname();
  const params = useSearchParams();
  const router = useRouter();
  const place = { source: params.get('source'), node: params.get('node') };
  const here = VIEWS.find((v) => pathname.startsWith(v.path));

  useKeys(
    'Go to',
    VIEWS.map((v) => ({ keys: v.keys, say: v.name, run: () => router.push(viewHref(v.path, place)) })),
  );

  return (
    <header className="z-30 flex h-[52px] shrink-0 items-center gap-3 border-line border-b bg-surface px-3 md:h-11 md:gap-4 md:px-4">
      <Link href={viewHref('/', place)} aria-label={STRINGS.brand} className="flex items-center gap-2 text-ink">
        <Logo />
        <span className="hidden font-[680] text-[14px] lg:inline">nftscope</span>
      </Link>

      <Menu.Root>
        <Menu.Trigger className="flex h-11 shrink-0 items-center gap-1.5 whitespace-nowrap font-[640] text-[15px] lg:hidden">
          {here?.name ?? 'Views'}
          <ChevronDown />
        </Menu.Trigger>
        <Menu.Portal>
          <Menu.Positioner sideOffset={4} align="start" className="z-40">
            <Menu.Popup className={popupLook}>
              {VIEWS.map((v) => (
                <Menu.LinkItem
                  key={v.path}
                  render={<Link href={viewHref(v.path, place)} />}
                  closeOnClick
                  className={cx(itemLook, 'min-h-11 text-[15px]', v === here && 'font-[640]')}
                >
                  {v.name}
                  {v.path === '/findings' ? <FindingsBadge className="ml-auto" /> : null}
                </Menu.LinkItem>
              ))}
            </Menu.Popup>
          </Menu.Positioner>
        </Menu.Portal>
      </Menu.Root>

      <div className="ml-auto min-w-0 md:ml-0">
        <SourcePicker />
      </div>
      <LiveStatus />

      <nav aria-label={STRINGS.views} className="hidden h-full items-stretch gap-1 lg:flex">
        {VIEWS.map((v) => (
          <Link
            key={v.path}
            href={viewHref(v.path, place)}
            aria-current={v === here ? 'page' : undefined}
            className={cx(
              'flex items-center whitespace-nowrap px-2.5 text-[13.5px]',
              v === here
                ? 'font-[640] text-ink shadow-[inset_0_-2px_0_var(--ink)]'
                : 'font-[520] text-ink-2 hover:text-ink',
            )}
          >
            {v.name}
            {v.path === '/findings' ? <FindingsBadge className="ml-1.5" /> : null}
          </Link>
        ))}
      </nav>

      <div className="flex items-center gap-1 md:ml-auto md:gap-2">
        <SearchBox />
        <ThemeMenu />
        <span className="hidden md:inline-flex">
          <KeysHelp />
        </span>
      </div>
    </header>
  );
}
