import type { AddressInfo } from 'node:net';
import { agentServer } from '../agent-server';
import type { ConnectionLimits } from '../connections';
import type { NftProgram } from '../nft-choice';
import { NodeReader, READER_DEFAULTS, type ReaderOptions } from '../node-reader';
import type { TokenCheck } from '../token-check';

interface Setup extends Partial<Omit<ReaderOptions, 'nft'>> {
  readonly nft: readonly [NftProgram, ...NftProgram[]];
  readonly check?: TokenCheck;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  readonly connectionLimits?: ConnectionLimits;
}

/** An agent on a free port of loopback. Its `ip` and other programs do nothing, unless given. */
export async function startAgent({ check, tls, connectionLimits, ...setup }: Setup) {
  const reader = new NodeReader({ node: 'node-1', ...READER_DEFAULTS, program: () => 'true', ...setup });
  const logged: string[] = [];
  const { server, close } = agentServer({
    reader,
    version: '0',
    check,
    tls,
    ...(connectionLimits !== undefined && { connectionLimits }),
    log: (words) => logged.push(words),
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const get = (path: string, headers: { [name: string]: string } = {}, method = 'GET') =>
    fetch(`${base}${path}`, { headers, method });
  const stop = () => {
    close();
    reader.stop();
  };
  return { reader, base, get, stop, logged };
}
