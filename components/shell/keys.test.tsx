import { fireEvent, render, screen } from '@testing-library/react';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { KeysProvider, useKeys, useKeysEnabled, useRegisteredKeys } from './keys';

const run = { help: vi.fn(), ruleset: vi.fn(), step: vi.fn(), view: vi.fn() };

function Bar() {
  useKeys('Everywhere', [
    { keys: '?', say: 'Help', run: run.help },
    { keys: '/', say: 'Search', run: run.help },
  ]);
  useKeys('Go to', [{ keys: 'g r', say: 'Ruleset', run: run.ruleset }]);
  return null;
}
function View() {
  useKeys('View', [
    { keys: 's', say: 'Step', run: run.step },
    { keys: '/', say: 'Search here', run: run.view },
    { keys: 'r', say: 'Again', run: run.view },
  ]);
  const [enabled, setEnabled] = useKeysEnabled();
  const titles = useRegisteredKeys().map((g) => g.title);
  return (
    <>
      <button type="button" onClick={() => setEnabled(!enabled)}>
        {enabled ? 'on' : 'off'}
      </button>
      <input aria-label="field" />
      <output>{titles.join(', ')}</output>
    </>
  );
}
const setup = () =>
  render(
    <KeysProvider>
      <Bar />
      <View />
    </KeysProvider>,
  );
const press = (...keys: readonly string[]) => {
  for (const key of keys) fireEvent.keyDown(document.body, { key });
};

describe('keys', () => {
  beforeEach(() => {
    localStorage.clear();
    vi.clearAllMocks();
  });

  test('single keys and sequences; the view has the first word', () => {
    setup();
    press('?', 's', 'g', 'r', '/');
    expect([run.help, run.step, run.ruleset, run.view].map((f) => f.mock.calls.length)).toEqual([1, 1, 1, 1]);
  });

  test('a sequence that breaks off does nothing', () => {
    setup();
    press('g', 'x', 'r');
    expect(run.ruleset).not.toHaveBeenCalled();
    expect(run.view).toHaveBeenCalledTimes(1);
  });

  test('off while typing, and with a modifier', () => {
    setup();
    fireEvent.keyDown(screen.getByRole('textbox'), { key: 's' });
    fireEvent.keyDown(document.body, { key: 's', ctrlKey: true });
    fireEvent.keyDown(document.body, { key: 's', metaKey: true });
    expect(run.step).not.toHaveBeenCalled();
  });

  test('single keys can be turned off, and stay off', () => {
    const { unmount } = setup();
    fireEvent.click(screen.getByRole('button', { name: 'on' }));
    press('s');
    expect(run.step).not.toHaveBeenCalled();
    unmount();
    setup();
    expect(screen.getByRole('button', { name: 'off' })).toBeTruthy();
  });

  test('the help sees what is registered now', () => {
    setup();
    expect(screen.getByRole('status').textContent).toBe('Everywhere, Go to, View');
  });
});
