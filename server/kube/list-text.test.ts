import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIST_END, LIST_HEAD } from '@/lib/cluster/build-in-steps';
import { lastStep } from '@/lib/net/last-step';
import { ListText } from './list-text';

type Held = Map<string, { readonly text: string }>;
/** As it should be, written out whole. */
const whole = (held: Held): string =>
  LIST_HEAD +
  [...held.keys()]
    .sort()
    .map((key) => held.get(key)?.text ?? '')
    .join(',\n') +
  LIST_END;
const filled = (count: number): Held =>
  new Map(Array.from({ length: count }, (_, i) => [`ns/${String(i).padStart(4, '0')}`, { text: `{"i":${i}}` }]));

test.each([0, 1, 199, 200, 201, 1000])('%i objects', (count) => {
  const held = filled(count);
  expect(lastStep(new ListText().content(held)).toString()).toBe(whole(held));
});

test('whatever is put in, changed and taken out, it is as if written whole', () => {
  const edit = fc.record({ key: fc.integer({ min: 0, max: 1300 }), kind: fc.constantFrom('set', 'remove') });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 900 }),
      fc.array(fc.array(edit, { maxLength: 60 }), { maxLength: 12 }),
      (count, rounds) => {
        const held = filled(count);
        const text = new ListText();
        lastStep(text.content(held));
        for (const [round, edits] of rounds.entries()) {
          for (const { key, kind } of edits) {
            const name = `ns/${String(key).padStart(4, '0')}`;
            if (kind === 'set') held.set(name, { text: `{"ä":${key},"round":${round}}` });
            else held.delete(name);
            text.changed(name);
          }
          expect(lastStep(text.content(held)).toString()).toBe(whole(held));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('one block that takes in a thousand, and all taken out again', () => {
  const held = filled(3);
  const text = new ListText();
  lastStep(text.content(held));
  for (const [key, value] of filled(1000)) {
    held.set(key, value);
    text.changed(key);
  }
  expect(lastStep(text.content(held)).toString()).toBe(whole(held));
  for (const key of [...held.keys()]) {
    held.delete(key);
    text.changed(key);
  }
  expect(lastStep(text.content(held)).toString()).toBe(whole(held));
  held.set('ns/0000', { text: '{}' });
  text.changed('ns/0000');
  expect(lastStep(text.content(held)).toString()).toBe(whole(held));
});

test('what changes between its steps is in the next one', () => {
  const held = filled(600);
  const text = new ListText();
  lastStep(text.content(held));
  held.set('ns/0300', { text: '{"first":1}' });
  text.changed('ns/0300');
  const steps = text.content(held);
  steps.next();
  for (const key of ['ns/0300', 'ns/0301', 'ns/0000']) {
    held.delete(key);
    text.changed(key);
  }
  lastStep(steps);
  expect(lastStep(text.content(held)).toString()).toBe(whole(held));
});

test('two that ask at the same time both get all objects', () => {
  const held = filled(900);
  const text = new ListText();
  const [first, second] = [text.content(held), text.content(held)];
  for (let i = 0; i < 3; i++) first.next();
  for (const key of ['ns/0001', 'ns/0800']) {
    held.set(key, { text: '{"other":1}' });
    text.changed(key);
  }
  second.next();
  expect(lastStep(first).toString()).toBe(whole(held));
  expect(lastStep(second).toString()).toBe(whole(held));
});
