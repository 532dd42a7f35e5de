'use client';

import Link from 'next/link';
import { useId } from 'react';
import { ApiProblem } from '../hooks/api';
import type { VersionRef } from '../hooks/node-path';
import { useDebounced } from '../hooks/use-debounced';
import { useLookup } from '../hooks/use-elements';
import { Badge } from '../ui/badge';
import { ChainName } from '../ui/chain-name';
import { CheckIcon } from '../ui/icons';
import type { RulesetLinks } from './ruleset-links';

interface LookupBoxProps {
  readonly place: VersionRef;
  /** `ip kube-proxy` */
  readonly table: string;
  readonly name: string;
  /** `ipv4_addr . inet_service : verdict`, for an example of a key. */
  readonly type: string;
  readonly value: string;
  readonly onChange: (key: string) => void;
  readonly links: RulesetLinks;
  /** `row`: label, field and answer on one line, the answer short. */
  readonly look?: 'stack' | 'row';
}

/** Does the map hold this key, and where does it lead? The answer is the kernel's: intervals and `*` count. */
export function LookupBox({ place, table, name, type, value, onChange, links, look = 'stack' }: LookupBoxProps) {
  const id = useId();
  const asked = useDebounced(value, 250);
  const lookup = useLookup(place, table, name, asked);
  const field = (
    <input
      id={id}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      placeholder={exampleKey(type)}
      spellCheck={false}
      autoComplete="off"
      className="h-7 min-w-0 flex-1 rounded-control border border-line-strong bg-surface px-2.5 font-mono text-[12px] text-read placeholder:text-ink-3"
    />
  );
  const answer =
    asked.trim() === '' ? null : lookup.isError ? (
      <span className="text-lost">
        {lookup.error instanceof ApiProblem
          ? `${lookup.error.title} ${lookup.error.detail ?? ''}`
          : lookup.error.message}
      </span>
    ) : lookup.data === undefined ? (
      <span className="text-ink-2">looking up…</span>
    ) : lookup.data.hit === null ? (
      <span>
        <Badge>none of {lookup.data.size.toLocaleString('en')}</Badge>
        {look === 'row' ? null : <span className="text-ink-2"> evaluation goes on</span>}
      </span>
    ) : (
      <span className="inline-flex flex-wrap items-center gap-1.5 [overflow-wrap:anywhere]">
        <Badge tone="delivered">
          <CheckIcon size={11} />
          found
        </Badge>
        {look === 'row' ? null : lookup.data.hit.verdict !== null && 'target' in lookup.data.hit.verdict ? (
          <span className="font-mono text-[12px]">
            <span className="font-[650] text-name">{lookup.data.hit.verdict.kind}</span>{' '}
            <Link href={links.chain(table, lookup.data.hit.verdict.target)} className="link">
              <ChainName name={lookup.data.hit.verdict.target} />
            </Link>
          </span>
        ) : (
          <code className="text-code">{lookup.data.hit.text}</code>
        )}
      </span>
    );
  if (look === 'row') {
    return (
      <div className="flex min-w-0 flex-1 items-center gap-2">
        <label htmlFor={id} className="whitespace-nowrap text-ink-2 text-label">
          Look up a key
        </label>
        {field}
        <span role="status" className="min-w-0 empty:hidden">
          {answer}
        </span>
      </div>
    );
  }
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="sr-only">
        Look up a key in {name}
      </label>
      <div className="flex">{field}</div>
      <div role="status" className="empty:hidden">
        {answer}
      </div>
    </div>
  );
}

const EXAMPLE: Readonly<Record<string, string>> = {
  ipv4_addr: '10.96.0.10',
  ipv6_addr: 'fd00::10',
  ether_addr: '02:42:0a:00:00:01',
  inet_proto: 'tcp',
  inet_service: '53',
  ifname: '"eth0"',
  mark: '0x00004000',
};

/** A key of the type, part by part; the name of the type where there is no example. */
export function exampleKey(type: string): string {
  const [key = ''] = type.replace(/^typeof /, '').split(' : ');
  return key
    .split(' . ')
    .map((part) => EXAMPLE[part.trim()] ?? part.trim())
    .join(' . ');
}
