import { expect, test } from 'vitest';
import { nodesRead } from './words';

test.each([
  [0, 1, '0 of 1 node is read.'],
  [1, 3, '1 of 3 nodes are read.'],
])('%i of %i', (done, of, want) => expect(nodesRead(done, of)).toBe(want));
