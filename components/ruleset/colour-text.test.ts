import { describe, expect, test } from 'vitest';
import { colourText } from './colour-text';

const line = (text: string) => [{ kind: 'keyword' as const, text, statement: -1 }];
const shown = (text: string) =>
  colourText(line(text))
    .filter((t) => t.text.trim() !== '' && t.kind !== 'punctuation')
    .map((t) => `${t.text}|${t.kind}${t.ref === undefined ? '' : ` → ${t.ref.name}`}`);

describe('colourText', () => {
  test('elements of a verdict map', () => {
    expect(shown('elements = { 203.0.113.13 . tcp . 80 comment "shop/returns:http" : goto reject-chain,')).toEqual([
      'elements|keyword',
      '203.0.113.13|value',
      'tcp|value',
      '80|value',
      'comment|keyword',
      '"shop/returns:http"|comment',
      'goto|verdict',
      'reject-chain|name → reject-chain',
    ]);
  });
  test('a line that goes on', () => {
    expect(shown('\t\t\t     10.96.85.83, 10.97.6.69 expires 2h59m56s312ms }')).toEqual([
      '10.96.85.83|value',
      '10.97.6.69|value',
      'expires|keyword',
      '2h59m56s312ms|value',
    ]);
  });
  test('declarations stay as they are', () => {
    expect(shown('type ipv4_addr . inet_proto : verdict')).toEqual(['type ipv4_addr . inet_proto : verdict|keyword']);
    expect(shown('comment "ClusterIP, ExternalIP"')).toEqual(['comment "ClusterIP, ExternalIP"|keyword']);
  });
  test.each(['elements = { "eth0", 10.0.0.0/8-x, fd00::1 . 80 : accept }', '     1 . 2 : jump a/b,'])(
    'the tokens joined are the line: %s',
    (text) => {
      expect(
        colourText(line(text))
          .map((t) => t.text)
          .join(''),
      ).toBe(text);
    },
  );
});
