import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { describe, expect, test, vi } from 'vitest';
import { TermField, termsOf } from './term-field';

test('termsOf', () => {
  expect(termsOf(' ip:10.0.0.1  verdict:drop ')).toEqual(['ip:10.0.0.1', 'verdict:drop']);
  expect(termsOf('"two words" set:"a b"')).toEqual(['"two words"', 'set:"a b"']);
  expect(termsOf('')).toEqual([]);
});

function Held({ start = '', heard }: { readonly start?: string; readonly heard: (value: string) => void }) {
  const [value, setValue] = useState(start);
  return (
    <TermField
      label="Search"
      value={value}
      onChange={(next) => {
        setValue(next);
        heard(next);
      }}
    />
  );
}

describe('TermField', () => {
  const setup = (start?: string) => {
    const heard = vi.fn();
    render(<Held {...(start === undefined ? {} : { start })} heard={heard} />);
    const input = screen.getByRole<HTMLInputElement>('searchbox', { name: 'Search' });
    return {
      heard,
      input,
      type: (value: string) => fireEvent.change(input, { target: { value } }),
      chips: () => screen.queryAllByRole('button').map((b) => b.getAttribute('aria-label')),
    };
  };

  test('what is typed counts at once; a space makes a chip of it', () => {
    const { heard, input, type, chips } = setup();
    type('ip:10.0.0.1');
    expect(heard).toHaveBeenLastCalledWith('ip:10.0.0.1');
    expect([input.value, chips()]).toEqual(['ip:10.0.0.1', []]);
    type('ip:10.0.0.1 ');
    expect([input.value, chips()]).toEqual(['', ['Remove ip:10.0.0.1']]);
    type('drop');
    expect(heard).toHaveBeenLastCalledWith('ip:10.0.0.1 drop');
  });

  test('a value from the URL is chips', () => {
    const { input, chips } = setup('port:80 drop');
    expect([input.value, chips()]).toEqual(['', ['Remove port:80', 'Remove drop']]);
  });

  test('Enter finishes, Backspace takes the last chip back, Escape clears', () => {
    const { heard, input, type, chips } = setup('port:80');
    type('drop');
    fireEvent.keyDown(input, { key: 'Enter' });
    expect(chips()).toEqual(['Remove port:80', 'Remove drop']);
    fireEvent.keyDown(input, { key: 'Backspace' });
    expect([input.value, chips()]).toEqual(['drop', ['Remove port:80']]);
    fireEvent.keyDown(input, { key: 'Escape' });
    expect(heard).toHaveBeenLastCalledWith('');
  });

  test('a chip is removed by its button', () => {
    const { heard } = setup('port:80 drop');
    fireEvent.click(screen.getByRole('button', { name: 'Remove port:80' }));
    expect(heard).toHaveBeenLastCalledWith('drop');
  });

  test('quotes hold words together while they are typed', () => {
    const { heard, input, type, chips } = setup();
    type('"drop traffic ');
    expect(input.value).toBe('"drop traffic ');
    type('"drop traffic to" ');
    expect(heard).toHaveBeenLastCalledWith('"drop traffic to"');
    expect(chips()).toEqual(['Remove "drop traffic to"']);
  });
});
