'use client';

import type { ReactNode } from 'react';
import { createContext, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';

/** One shortcut: `s`, `?`, `[`, or a sequence such as `g r`. */
export interface KeyBinding {
  readonly keys: string;
  readonly say: string;
  readonly run: () => void;
}

export interface KeyGroup {
  readonly title: string;
  readonly bindings: readonly KeyBinding[];
}

/** How long the first key of a sequence waits for the second. */
const SEQUENCE_MS = 1200;
const STORED = 'nftscope-keys';

class KeyRegistry {
  #groups: readonly { readonly id: symbol; readonly group: () => KeyGroup }[] = [];
  #listeners = new Set<() => void>();
  #snapshot: readonly KeyGroup[] = [];

  add(group: () => KeyGroup): () => void {
    const id = Symbol('keys');
    this.#groups = [...this.#groups, { id, group }];
    this.#changed();
    return () => {
      this.#groups = this.#groups.filter((g) => g.id !== id);
      this.#changed();
    };
  }
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  groups = (): readonly KeyGroup[] => this.#snapshot;

  /** The view registered last has the first word. */
  find(keys: string): KeyBinding | undefined {
    for (const { group } of this.#groups.toReversed()) {
      const found = group().bindings.find((b) => b.keys === keys);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  starts(key: string): boolean {
    return this.#groups.some(({ group }) => group().bindings.some((b) => b.keys.startsWith(`${key} `)));
  }
  #changed(): void {
    this.#snapshot = this.#groups.map(({ group }) => group());
    for (const listener of this.#listeners) listener();
    // Says from outside which keys the page takes by now; before it is hydrated it takes none.
    document.documentElement.dataset.keys = this.#snapshot.map(({ title }) => title).join(', ');
  }
}

interface KeysValue {
  readonly registry: KeyRegistry;
  readonly enabled: boolean;
  readonly setEnabled: (enabled: boolean) => void;
}
const KeysContext = createContext<KeysValue | null>(null);

/** True where a letter belongs to what has the focus: text fields, open lists, menus and dialogs. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  return (
    target.closest(
      'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true], [role=listbox], [role=menu], [role=dialog]',
    ) !== null
  );
}

export function KeysProvider({ children }: { readonly children: ReactNode }) {
  const [registry] = useState(() => new KeyRegistry());
  const [enabled, setEnabledState] = useState(true);

  useEffect(() => setEnabledState(localStorage.getItem(STORED) !== 'off'), []);

  useEffect(() => {
    if (!enabled) return;
    let first: string | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const key = event.key;
      clearTimeout(timer);
      const sequence = first === undefined ? key : `${first} ${key}`;
      first = undefined;
      const found = registry.find(sequence);
      if (found !== undefined) {
        event.preventDefault();
        found.run();
      } else if (registry.starts(key)) {
        first = key;
        timer = setTimeout(() => {
          first = undefined;
        }, SEQUENCE_MS);
      }
    };
    window.addEventListener('keydown', onKey);
    return () => {
      clearTimeout(timer);
      window.removeEventListener('keydown', onKey);
    };
  }, [registry, enabled]);

  const value = useMemo(
    () => ({
      registry,
      enabled,
      setEnabled: (next: boolean) => {
        localStorage.setItem(STORED, next ? 'on' : 'off');
        setEnabledState(next);
      },
    }),
    [registry, enabled],
  );
  return <KeysContext value={value}>{children}</KeysContext>;
}

function useKeysValue(): KeysValue {
  const value = useContext(KeysContext);
  if (value === null) throw new Error('useKeys outside <KeysProvider>');
  return value;
}

/** Registers shortcuts while the caller is mounted; `?` lists them. Off while typing. */
export function useKeys(title: string, bindings: readonly KeyBinding[]): void {
  const { registry } = useKeysValue();
  const current = useRef(bindings);
  useEffect(() => {
    current.current = bindings;
  });
  useEffect(() => registry.add(() => ({ title, bindings: current.current })), [registry, title]);
}

/** Everything that is registered now, for the help. */
export function useRegisteredKeys(): readonly KeyGroup[] {
  const { registry } = useKeysValue();
  return useSyncExternalStore(registry.subscribe, registry.groups, registry.groups);
}

/** What a key does here; undefined where nobody binds it. */
export const useKeyMeaning = (keys: string): string | undefined =>
  useRegisteredKeys()
    .flatMap(({ bindings }) => bindings)
    .findLast((binding) => binding.keys === keys)?.say;

export function useKeysEnabled(): readonly [boolean, (enabled: boolean) => void] {
  const { enabled, setEnabled } = useKeysValue();
  return [enabled, setEnabled];
}
