/** What comes after a first packet. */
import type { PacketSpec } from '../../lib/net/packet-spec';
import type { LabStep } from './case';
import type { Values } from './values';

/** What may follow a first packet: replies, retransmissions, errors, closes. */
export function follow(g: Values, first: PacketSpec, at: number): LabStep[] {
  const { r } = g;
  const steps: LabStep[] = [];
  const again = (packet: Partial<PacketSpec>): LabStep => ({ kind: 'packet', packet: { ...first, ...packet } });
  const reply = (packet: Partial<PacketSpec> = {}): LabStep => ({ kind: 'reply', to: at, packet });
  const six = first.family === 'ip6';
  const error = (): LabStep => ({
    kind: 'error',
    to: at,
    ...(six
      ? r.pick([
          { type: 1, code: 4 },
          { type: 3, code: 0 },
          { type: 2, code: 0 },
        ])
      : r.pick([
          { type: 3, code: 3 },
          { type: 11, code: 0 },
          { type: 3, code: 1 },
        ])),
  });
  if (first.protocol === 'tcp') {
    const script = r.weighted([
      [5, 'handshake'],
      [2, 'resend'],
      [2, 'error'],
      [2, 'reset'],
      [1, 'odd'],
    ]);
    if (script === 'handshake') {
      steps.push(reply());
      steps.push(again({ flags: ['ack'], seq: 1001, ack: 7001 }));
      for (let n = r.int(0, 3); n > 0; n--) {
        steps.push(
          r.pick([
            again({ flags: ['psh', 'ack'], seq: 1001, ack: 7001, payloadHex: '0d0e0f10' }),
            reply({ flags: ['psh', 'ack'], seq: 7001, ack: 1005, payloadHex: '0102' }),
            again({ flags: ['fin', 'ack'], seq: 1001, ack: 7001 }),
            reply({ flags: ['fin', 'ack'], seq: 7001, ack: 1002 }),
            again({ flags: ['ack'], seq: 99999999, ack: 12345 }),
            again({ flags: ['rst'], seq: 1001 }),
            reply({ flags: ['rst'], seq: 7001 }),
            again({ flags: ['syn'], seq: 2000 }),
            error(),
            reply({ flags: ['ack'], seq: 7001, ack: 1002 }),
          ]),
        );
      }
    } else if (script === 'resend') steps.push(again({}), again({}));
    else if (script === 'error') steps.push(error(), again({}));
    else if (script === 'reset') steps.push(reply({ flags: ['rst', 'ack'], seq: 0, ack: 1001 }), again({}));
    else
      steps.push(
        reply({ flags: ['syn'], seq: 9000 }),
        again({ flags: ['rst'], seq: 1001 }),
        reply({ flags: ['syn', 'ack'], seq: 7000, ack: 55 }),
      );
  } else {
    for (let n = r.int(1, 3); n > 0; n--)
      steps.push(
        r.weighted([
          [4, reply({ payloadHex: '0102' })],
          [3, again({})],
          [2, error()],
          [1, again({ sport: g.port() })],
        ]),
      );
  }
  return steps;
}
