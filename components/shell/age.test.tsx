import { render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { Age, ageInWords } from './age';

test.each([
  [0, '0 s ago'],
  [-5000, '0 s ago'],
  [12_400, '12 s ago'],
  [89_000, '89 s ago'],
  [14 * 60_000, '14 min ago'],
  [5 * 3_600_000, '5 h ago'],
  [9 * 86_400_000, '9 days ago'],
])('%d ms', (ms, want) => {
  expect(ageInWords(ms)).toBe(want);
});

test('a capture without a time says so', () => {
  render(<Age capturedAt={null} />);
  expect(screen.getByText('captured at an unknown time')).toBeTruthy();
});
