'use client';

import { Menu } from '@base-ui/react/menu';
import { STRINGS } from '../strings';
import { cx } from '../ui/cx';
import { CheckIcon, ChevronDown } from '../ui/icons';
import { itemLook, popupLook, triggerLook } from '../ui/select';
import { Age } from './age';
import { useOpenFile } from './open-file';
import { useGoTo, usePlace } from './use-place';

const SOURCE_KIND = { bundle: 'bundle', ruleset: 'listing', host: 'host', cluster: 'cluster' } as const;

/** The source in use with its age; opens the list of sources. */
export function SourcePicker() {
  const place = usePlace();
  const goTo = useGoTo();
  const openFile = useOpenFile();
  const sources = place.state === 'ready' || place.state === 'missing' ? place.sources : [];
  const source = place.state === 'ready' ? place.source : undefined;
  return (
    <Menu.Root>
      <Menu.Trigger
        aria-label={`${STRINGS.source}: ${source?.name ?? 'none'}`}
        className={cx(triggerLook, 'max-w-full bg-bg')}
      >
        {source === undefined ? (
          <span className="text-ink-3">{place.state === 'loading' ? 'reading sources' : 'no source'}</span>
        ) : (
          <>
            <span className="hidden text-ink-2 text-label lg:inline">{SOURCE_KIND[source.kind]}</span>
            <span className="overflow-hidden text-ellipsis whitespace-nowrap font-[620]">{source.name}</span>
            <span className="hidden whitespace-nowrap border-line-strong border-l pl-2 text-ink-2 text-label lg:inline">
              {source.live && source.capturedAt === null ? 'live' : <Age capturedAt={source.capturedAt} />}
            </span>
          </>
        )}
        <ChevronDown className="text-ink-2" />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="start" className="z-40">
          <Menu.Popup className={popupLook}>
            <Menu.RadioGroup value={source?.id ?? ''} onValueChange={(id) => goTo({ source: String(id) })}>
              {sources.map((s) => (
                <Menu.RadioItem key={s.id} value={s.id} closeOnClick className={itemLook}>
                  <span className="w-3.5 shrink-0">
                    <Menu.RadioItemIndicator>
                      <CheckIcon />
                    </Menu.RadioItemIndicator>
                  </span>
                  <span className="whitespace-nowrap">{s.name}</span>
                  <span className="ml-auto pl-4 text-ink-3 text-label">
                    {SOURCE_KIND[s.kind]}, {s.nodes.length} {s.nodes.length === 1 ? 'node' : 'nodes'}
                  </span>
                </Menu.RadioItem>
              ))}
            </Menu.RadioGroup>
            <Menu.Separator className="my-1 h-px bg-line" />
            <Menu.Item onClick={openFile} className={itemLook}>
              <span className="w-3.5 shrink-0" />
              Open a file…
              <span className="ml-auto pl-4 text-ink-3 text-label">or drop it here</span>
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
