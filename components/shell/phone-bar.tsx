'use client';

import { Menu } from '@base-ui/react/menu';
import Link from 'next/link';
import { usePathname, useSearchParams } from 'next/navigation';
import { STRINGS } from '../strings';
import { cx } from '../ui/cx';
import { itemLook, popupLook } from '../ui/select';
import { FindingsBadge } from './findings-badge';
import { VIEWS, type ViewPath, viewHref } from './views';

/** The views that stand in the bar themselves; the others are behind More. */
const FIRST: ReadonlySet<ViewPath> = new Set(['/fleet', '/trace', '/service', '/findings']);

const look = 'relative flex h-12 flex-1 items-center justify-center whitespace-nowrap text-[12.5px]';

/** Below 720 px the views stand at the foot of the window. */
export function PhoneBar() {
  const pathname = usePathname();
  const params = useSearchParams();
  const here = VIEWS.find(({ path }) => pathname.startsWith(path));
  if (here === undefined) return null;
  const place = { source: params.get('source'), node: params.get('node') };
  const isBehind = !FIRST.has(here.path);
  return (
    <nav aria-label={STRINGS.viewsBelow} className="flex shrink-0 border-line border-t bg-surface md:hidden">
      {VIEWS.filter(({ path }) => FIRST.has(path)).map(({ path, name }) => (
        <Link
          key={path}
          href={viewHref(path, place)}
          aria-current={path === here.path ? 'page' : undefined}
          className={cx(look, path === here.path ? HERE : 'text-ink-2')}
        >
          {name}
          {path === '/findings' ? <FindingsBadge className="ml-1" /> : null}
        </Link>
      ))}
      <Menu.Root>
        <Menu.Trigger className={cx(look, isBehind ? HERE : 'text-ink-2')}>More</Menu.Trigger>
        <Menu.Portal>
          <Menu.Positioner side="top" sideOffset={4} align="end" className="z-40">
            <Menu.Popup className={popupLook}>
              {VIEWS.filter(({ path }) => !FIRST.has(path)).map((view) => (
                <Menu.LinkItem
                  key={view.path}
                  render={<Link href={viewHref(view.path, place)} />}
                  closeOnClick
                  className={cx(itemLook, 'min-h-11 text-[15px]', view === here && 'font-[640]')}
                >
                  {view.name}
                </Menu.LinkItem>
              ))}
            </Menu.Popup>
          </Menu.Positioner>
        </Menu.Portal>
      </Menu.Root>
    </nav>
  );
}

const HERE = 'font-[640] text-ink before:absolute before:top-1 before:h-[3px] before:w-8 before:rounded before:bg-ink';
