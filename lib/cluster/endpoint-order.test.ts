import { describe, expect, test } from 'vitest';
import { compareEndpoints, decodeEndpointOrder } from './endpoint-order';

describe('the order of endpoints', () => {
  // By the bytes of IP:port, as Go sorts strings: `:` comes after digits, `.` before.
  test.each([
    { first: '10.0.0.10', second: '10.0.0.9' },
    { first: '10.0.0.10', second: '10.0.0.1' },
    { first: '10.0.1.1', second: '10.0.10.1' },
    { first: 'fd00::10', second: 'fd00::1' },
    { first: 'fd00::1', second: 'fd00::a' },
  ])('$first comes before $second', ({ first, second }) => {
    expect(compareEndpoints(first, second)).toBeLessThan(0);
    expect(compareEndpoints(second, first)).toBeGreaterThan(0);
    expect(compareEndpoints(first, first)).toBe(0);
  });

  test('is that of the originals where it is told; what it does not have comes last', () => {
    const order = decodeEndpointOrder(['10.0.0.9', '10.0.0.10']);
    if (!order.ok) throw new Error(order.problem.say);
    const sorted = ['10.0.0.8', '10.0.0.10', '10.0.0.9', '10.0.0.11'].sort((a, b) =>
      compareEndpoints(a, b, order.value),
    );
    expect(sorted).toEqual(['10.0.0.9', '10.0.0.10', '10.0.0.11', '10.0.0.8']);
  });

  test('that is no list of texts is a problem', () => {
    expect(decodeEndpointOrder({})).toMatchObject({ ok: false });
    expect(decodeEndpointOrder([1])).toMatchObject({ ok: false });
  });
});
