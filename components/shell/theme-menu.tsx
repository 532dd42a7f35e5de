'use client';

import { Menu } from '@base-ui/react/menu';
import { useEffect, useState } from 'react';
import { STRINGS } from '../strings';
import { CheckIcon, MoonIcon, SunIcon } from '../ui/icons';
import { itemLook, popupLook } from '../ui/select';
import { THEME_STORED } from './theme-script';

type Theme = 'system' | 'light' | 'dark';
const THEMES: readonly { readonly value: Theme; readonly label: string }[] = [
  { value: 'system', label: 'As the system' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
];

function apply(theme: Theme): void {
  if (theme === 'system') {
    localStorage.removeItem(THEME_STORED);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(THEME_STORED, theme);
    document.documentElement.dataset.theme = theme;
  }
}

export function ThemeMenu() {
  const [theme, setTheme] = useState<Theme>('system');
  useEffect(() => {
    const stored = document.documentElement.dataset.theme;
    if (stored === 'light' || stored === 'dark') setTheme(stored);
  }, []);
  return (
    <Menu.Root>
      <Menu.Trigger
        aria-label={STRINGS.theme}
        title={STRINGS.theme}
        className="inline-flex size-7 items-center justify-center rounded-control text-ink-2 hover:bg-sunken hover:text-ink"
      >
        {theme === 'dark' ? <MoonIcon size={16} /> : <SunIcon size={16} />}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-40">
          <Menu.Popup className={popupLook}>
            <Menu.RadioGroup
              value={theme}
              onValueChange={(next) => {
                const found = THEMES.find((t) => t.value === next);
                if (found === undefined) return;
                setTheme(found.value);
                apply(found.value);
              }}
            >
              {THEMES.map((t) => (
                <Menu.RadioItem key={t.value} value={t.value} closeOnClick className={itemLook}>
                  <span className="w-3.5 shrink-0">
                    <Menu.RadioItemIndicator>
                      <CheckIcon />
                    </Menu.RadioItemIndicator>
                  </span>
                  {t.label}
                </Menu.RadioItem>
              ))}
            </Menu.RadioGroup>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
