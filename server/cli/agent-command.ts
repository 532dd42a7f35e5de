/** `nftscope agent`: reads one node and answers for it over HTTP. */
import 'server-only';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import manifest from '../../package.json';
import { type AgentServer, agentServer } from '../agent/agent-server';
import type { NftProgram } from '../agent/nft-choice';
import { NodeReader, READER_DEFAULTS } from '../agent/node-reader';
import { followTlsFiles, readTlsPair, type TlsPair } from '../agent/tls-files';
import { type TokenCheck, tokenFileCheck } from '../agent/token-check';
import { REVIEW_DEFAULTS, tokenReviewCheck } from '../agent/token-review';
import { reasonOf } from '../sources/problems';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { numberOption, parseOptions } from './options';

const OPTIONS = {
  address: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '9632' },
  'node-name': { type: 'string' },
  auth: { type: 'string' },
  'token-file': { type: 'string' },
  audience: { type: 'string', multiple: true },
  'api-server': { type: 'string' },
  'service-account': { type: 'string', default: '/var/run/secrets/kubernetes.io/serviceaccount' },
  'insecure-anonymous': { type: 'boolean' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'insecure-http': { type: 'boolean' },
  'host-root': { type: 'string' },
  nft: { type: 'string', default: 'nft' },
  'time-limit': { type: 'string' },
  'byte-limit': { type: 'string' },
  'prove-every': { type: 'string' },
  'no-follow': { type: 'boolean' },
} as const;
type Values = ReturnType<typeof parseOptions<typeof OPTIONS>>['values'];

const TLS_LOOK_MS = 10_000;

export async function agentCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('agent', args, OPTIONS);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'agent');
  const port = numberOption('port', values.port, 65535) ?? 0;
  const check = await checkOf(values);
  const tls = await tlsOf(values);
  const log = (words: string) => void process.stderr.write(`nftscope agent: ${words}\n`);
  const reader = readerOf(values, log);
  const agent = agentServer({ reader, version: manifest.version, check, tls, log });
  await listening(agent, port, values.address);
  reader.start();
  const files = [values['tls-cert'] ?? '', values['tls-key'] ?? ''] as const;
  if (tls !== undefined && 'setSecureContext' in agent.server)
    followTlsFiles(agent.server, files, tls, TLS_LOOK_MS, log);
  process.stdout.write(`nftscope agent: ${urlOf(agent, values.address, tls)} (node ${reader.options.node})\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  agent.close();
  reader.stop();
  return EXIT.done;
}

const isLoopback = (address: string): boolean => /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(address);

const wrong = (say: string, remedy: string): CliError => CliError.because('CLI-002', say, remedy);

/** Undefined: everybody may ask. */
async function checkOf(values: Values): Promise<TokenCheck | undefined> {
  const ways = [values.auth, values['token-file'], values['insecure-anonymous']].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw CliError.usage('Who may ask? Give one of --auth kubernetes, --token-file and --insecure-anonymous.', 'agent');
  if (values['insecure-anonymous'] === true) {
    if (isLoopback(values.address)) return undefined;
    throw wrong(
      `--insecure-anonymous would show the ruleset to everybody who reaches ${values.address}.`,
      'It goes with a loopback address only.',
    );
  }
  const file = values['token-file'];
  if (file !== undefined) {
    try {
      await readFile(file);
    } catch (error) {
      throw CliError.because(
        'CLI-003',
        `The token file ${file} cannot be read: ${reasonOf(error)}.`,
        'Give a file of tokens, one a line.',
      );
    }
    return tokenFileCheck(file);
  }
  if (values.auth !== 'kubernetes')
    throw wrong(`There is no --auth ${JSON.stringify(values.auth)}.`, 'Give --auth kubernetes.');
  const folder = values['service-account'];
  return tokenReviewCheck({
    ...REVIEW_DEFAULTS,
    ...(values.audience !== undefined && { audiences: values.audience }),
    server: values['api-server'] ?? serverOfCluster(),
    tokenFile: `${folder}/token`,
    caFile: `${folder}/ca.crt`,
  });
}

/** The kubelet names the API server in the environment of every pod. */
function serverOfCluster(): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env;
  if (host === undefined) throw wrong('This is no pod: there is no KUBERNETES_SERVICE_HOST.', 'Give --api-server.');
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function tlsOf(values: Values): Promise<TlsPair | undefined> {
  const { 'tls-cert': cert, 'tls-key': key } = values;
  if (cert !== undefined && key !== undefined) {
    try {
      return await readTlsPair(cert, key);
    } catch (error) {
      throw CliError.because(
        'CLI-003',
        `${cert} and ${key} are no pair: ${(error as Error).message}.`,
        'Give PEM files.',
      );
    }
  }
  if (cert !== undefined || key !== undefined) throw CliError.usage('--tls-cert and --tls-key go together.', 'agent');
  if (isLoopback(values.address) || values['insecure-http'] === true) return undefined;
  throw wrong(
    `Tokens would cross the network in the clear to ${values.address}.`,
    'Give --tls-cert and --tls-key, or --insecure-http where the way is safe.',
  );
}

function readerOf(values: Values, log: (words: string) => void): NodeReader {
  const image: NftProgram = { of: 'image', argv: [values.nft] };
  const root = values['host-root'];
  const seconds = numberOption('time-limit', values['time-limit'], 3600, 1);
  const bytes = numberOption('byte-limit', values['byte-limit'], 4e9, 1);
  const prove = numberOption('prove-every', values['prove-every'], 86_400, 1);
  const { limits } = READER_DEFAULTS;
  return new NodeReader({
    ...READER_DEFAULTS,
    limits: {
      milliseconds: seconds === undefined ? limits.milliseconds : seconds * 1000,
      bytes: bytes ?? limits.bytes,
    },
    ...(prove !== undefined && { proveMs: prove * 1000 }),
    follow: values['no-follow'] !== true,
    unheld: (why) => log(`the listing is made anew: ${why}`),
    watchTurned: ({ state, why }) => log(why === undefined ? 'watching the ruleset' : `the watch is ${state}: ${why}`),
    node: values['node-name'] ?? process.env.NODE_NAME ?? hostname(),
    nft: root === undefined ? [image] : [{ of: 'node', argv: ['chroot', root, 'nft'] }, image],
  });
}

function listening({ server }: AgentServer, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        CliError.because(
          'CLI-007',
          `${address}:${port} cannot be listened on (${error.code}).`,
          'Give another --port.',
        ),
      ),
    );
    server.listen(port, address, () => resolve());
  });
}

function urlOf({ server }: AgentServer, address: string, tls: TlsPair | undefined): string {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return `${tls === undefined ? 'http' : 'https'}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
