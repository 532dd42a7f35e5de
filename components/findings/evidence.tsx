import Link from 'next/link';
import type { ReactNode } from 'react';
import type { EvidenceView } from '@/lib/api/findings-types';
import { rulesetLinks } from '../ruleset/ruleset-links';
import { viewHref } from '../shell/views';
import { ChainName } from '../ui/chain-name';
import { RuleLine } from '../ui/rule-line';

interface EvidenceProps {
  readonly source: string;
  readonly one: EvidenceView;
}

/** One thing to look at: where it is, as a link, and what it says. */
export function EvidenceItem({ source, one }: EvidenceProps) {
  switch (one.kind) {
    case 'rule': {
      const links = rulesetLinks({ source, node: one.node }, '');
      const table = `${one.family} ${one.table}`;
      return (
        <Line
          node={one.node}
          where={
            <Link
              className="link [overflow-wrap:anywhere]"
              href={viewHref('/ruleset', { source, node: one.node, table, chain: one.chain, rule: one.handle })}
            >
              {table} <ChainName name={one.chain} tone="inherit" /> #{one.handle}
            </Link>
          }
        >
          {one.tokens === null ? (
            <Mono>{one.text}</Mono>
          ) : (
            <RuleLine tokens={one.tokens} owner={one.owner ?? undefined} hrefOf={links.ref(table)} />
          )}
        </Line>
      );
    }
    case 'chain': {
      const { chain } = rulesetLinks({ source, node: one.node }, '');
      return (
        <Line
          node={one.node}
          where={
            <Link className="link [overflow-wrap:anywhere]" href={chain(`${one.family} ${one.table}`, one.chain)}>
              chain {one.family} {one.table} <ChainName name={one.chain} tone="inherit" />
            </Link>
          }
        >
          <Mono>{one.text}</Mono>
        </Line>
      );
    }
    case 'element': {
      const { set } = rulesetLinks({ source, node: one.node }, '');
      return (
        <Line
          node={one.node}
          where={
            <Link className="link [overflow-wrap:anywhere]" href={set(`${one.family} ${one.table}`, one.set)}>
              {one.family} {one.table} <ChainName name={`@${one.set}`} tone="inherit" />
            </Link>
          }
        >
          <Mono>{one.text}</Mono>
        </Line>
      );
    }
    case 'table': {
      const { table } = rulesetLinks({ source, node: one.node }, '');
      return (
        <Line
          node={one.node}
          where={
            <Link className="link" href={table(`${one.family} ${one.table}`)}>
              table {one.family} {one.table}
            </Link>
          }
        >
          {one.text}
        </Line>
      );
    }
    case 'difference':
      return <Difference source={source} one={one} />;
    case 'object':
      return (
        <Line where={<ObjectName source={source} one={one} />}>
          <span className="[overflow-wrap:anywhere]">{one.text}</span>
        </Line>
      );
    case 'packet':
      return (
        <Line
          node={one.node}
          where={
            Object.keys(one.packet).length === 0 ? (
              'packet'
            ) : (
              <Link className="link" href={packetHref(source, one)}>
                Trace the packet
              </Link>
            )
          }
        >
          <span className="[overflow-wrap:anywhere]">
            <code className="text-code">{packetWords(one.packet)}</code>
            {one.text === '' ? '' : `: ${one.text}`}
          </span>
        </Line>
      );
    case 'address':
      return (
        <Line {...(one.node !== undefined && { node: one.node })} where={<Mono>{one.address}</Mono>}>
          {one.text}
        </Line>
      );
    case 'interface':
      return (
        <Line node={one.node} where={<Mono>{one.name}</Mono>}>
          {one.text}
        </Line>
      );
    case 'sysctl':
      return (
        <Line node={one.node} where="setting">
          <Mono>
            {one.key} = {one.value}
          </Mono>
        </Line>
      );
    case 'version':
      return (
        <Line node={one.node} where="version">
          {one.of} {one.version}
        </Line>
      );
    case 'reading':
      return (
        <Line node={one.node} where={<Mono>{one.file}</Mono>}>
          <span className="[overflow-wrap:anywhere]">{one.text}</span>
        </Line>
      );
    case 'route':
    case 'conntrack':
      return (
        <Line node={one.node} where={one.kind === 'route' ? 'route' : 'connection'}>
          <Mono>{one.text}</Mono>
        </Line>
      );
  }
}

function Line({
  node,
  where,
  children,
}: {
  readonly node?: string;
  readonly where: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <div className="min-w-0">
      <div className="flex flex-wrap items-baseline gap-x-2 text-[12px] text-ink-2">
        {node === undefined ? null : <span className="font-[600] text-ink">{node}</span>}
        <span className="min-w-0 font-mono text-[11.5px]">{where}</span>
      </div>
      <div className="min-w-0 text-prose">{children}</div>
    </div>
  );
}

const Mono = ({ children }: { readonly children: ReactNode }) => (
  <code className="text-code [overflow-wrap:anywhere]">{children}</code>
);

function Difference({ source, one }: { readonly source: string; readonly one: EvidenceView & { kind: 'difference' } }) {
  const links = rulesetLinks({ source, node: one.node }, '');
  const table = `${one.family} ${one.table}`;
  const href =
    one.in === 'chain'
      ? links.chain(table, one.name)
      : one.in === 'set'
        ? links.set(table, one.name)
        : one.actual === null
          ? undefined
          : links.table(table);
  const name = (
    <>
      {table} {one.name === '' ? '' : <ChainName name={one.name} tone="inherit" />}
    </>
  );
  return (
    <Line
      node={one.node}
      where={
        href === undefined ? (
          name
        ) : (
          <Link className="link [overflow-wrap:anywhere]" href={href}>
            {name}
          </Link>
        )
      }
    >
      <dl className="grid grid-cols-[64px_minmax(0,1fr)] gap-x-2">
        <Side what="expected" text={one.expected} />
        <Side what="found" text={one.actual} />
      </dl>
    </Line>
  );
}

const Side = ({ what, text }: { readonly what: string; readonly text: string | null }) => (
  <>
    <dt className="text-[12px] text-ink-2">{what}</dt>
    <dd className="min-w-0 whitespace-pre-wrap text-[12px] [overflow-wrap:anywhere]">
      {text === null ? <span className="text-ink-2">nothing</span> : <code>{text}</code>}
    </dd>
  </>
);

function ObjectName({ source, one }: { readonly source: string; readonly one: EvidenceView & { kind: 'object' } }) {
  const name = one.namespace === '' ? one.name : `${one.namespace}/${one.name}`;
  const words = `${one.object} ${name}`;
  if (one.object !== 'Service') return words;
  return (
    <Link className="link [overflow-wrap:anywhere]" href={viewHref('/service', { source, service: name })}>
      {words}
    </Link>
  );
}

/** The trace of a packet: from where it is sent, over all nodes, as the finding's command asks it; else on the node of the evidence. */
export function packetHref(source: string, { node, packet, ends }: EvidenceView & { kind: 'packet' }): string {
  if (ends === null) return viewHref('/trace', { source, node, packet: JSON.stringify(packet) });
  const { from, to, begins } = ends;
  if (begins === null) return viewHref('/trace', { source, node, from, to });
  const via = from.startsWith('external') ? begins : null;
  return viewHref('/trace', { source, node: begins, from, to, scope: 'path', via });
}

/** `tcp 10.244.1.3:40000 → 10.96.0.10:53 in by eth0`, from whatever members the packet has. */
export function packetWords(packet: object): string {
  const of = packet as { readonly [key: string]: unknown };
  const text = (key: string): string => (of[key] === undefined ? '' : String(of[key]));
  const end = (address: string, port: string): string =>
    port === '' ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;
  const parts = [
    text('protocol'),
    end(text('saddr'), text('sport')),
    of.daddr === undefined ? '' : `→ ${end(text('daddr'), text('dport'))}`,
    of.iif === undefined ? (of.from === 'local' ? 'sent by the node' : '') : `in by ${text('iif')}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}
