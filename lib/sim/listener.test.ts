/** Which socket takes a packet: asked of a kernel with sockets bound to an address, to a mapped address, and to a device. */
import { expect, test } from 'vitest';
import { decodeSockets } from '../world/decode-sockets';
import { trace } from './index';
import { SYN, xtWorld } from './testing/xt-world';

/** What the node answers to a SYN from eth0 to 10.1.0.1:80. */
function answerOf(sockets: string): string | undefined {
  const decoded = decodeSockets(sockets);
  if (!decoded.ok) throw new Error(decoded.problem.say);
  const world = { ...xtWorld({ rules: [] }), sockets: { known: true as const, value: decoded.value } };
  const [branch] = trace(world, { ...SYN, daddr: '10.1.0.1' }).branches;
  const made = branch?.steps.find((step) => step.kind === 'generated');
  return made?.kind === 'generated' ? made.packet.flags?.join(',') : undefined;
}

test.each([
  ['tcp LISTEN 0 9 0.0.0.0:80 0.0.0.0:*', 'syn,ack'],
  ['tcp LISTEN 0 9 [::ffff:10.1.0.1]:80 *:*', 'syn,ack'],
  ['tcp LISTEN 0 9 [::ffff:10.2.0.1]:80 *:*', 'rst,ack'],
  ['tcp LISTEN 0 9 [::]:80 [::]:*', 'rst,ack'],
  ['tcp LISTEN 0 9 0.0.0.0%eth0:80 0.0.0.0:*', 'syn,ack'],
  ['tcp LISTEN 0 9 0.0.0.0%eth1:80 0.0.0.0:*', 'rst,ack'],
  ['tcp LISTEN 0 9 *%eth1:80 *:*', 'rst,ack'],
  ['tcp LISTEN 0 9 0.0.0.0%eth1:80 0.0.0.0:*\ntcp LISTEN 0 9 *:80 *:*', 'syn,ack'],
])('%s: %s', (line, flags) => {
  expect(answerOf(line)?.split(',').sort()).toEqual(flags.split(',').sort());
});
