'use client';

import { type ReactNode, useId, useState } from 'react';
import type { LinkOverview } from '@/lib/api/types';
import type { PacketSpec } from '@/lib/net/packet-spec';
import { Button } from '../ui/button';
import { SegmentedControl } from '../ui/segmented-control';
import { type Draft, draftOf, EMPTY_DRAFT, hasFlags, hasPorts, isIcmp, packetOf } from './question';

interface PacketFieldsProps {
  /** The packet of the last trace, to begin with. */
  readonly packet: PacketSpec | undefined;
  /** Interfaces of the node, where they are known. */
  readonly links: readonly LinkOverview[];
  readonly onSubmit: (packet: PacketSpec) => void;
  /** Absent where there is no other way to ask. */
  readonly onCancel: (() => void) | undefined;
}

/** The packet field by field, checked before it is asked. */
export function PacketFields({ packet, links, onSubmit, onCancel }: PacketFieldsProps) {
  const [draft, setDraft] = useState<Draft>(() => (packet === undefined ? EMPTY_DRAFT : draftOf(packet)));
  const [problem, setProblem] = useState<{ readonly field: string; readonly say: string }>();
  const set = (change: Partial<Draft>) => {
    setDraft((last) => ({ ...last, ...change }));
    setProblem(undefined);
  };
  const field = (name: keyof Draft, label: string, hint: string, width = 'w-24') => (
    <TextField
      label={label}
      hint={hint}
      width={width}
      value={draft[name]}
      onChange={(value) => set({ [name]: value })}
      invalid={problem?.field === name || (name === 'ttl' && problem?.field === 'hoplimit')}
    />
  );
  const protocol = draft.protocol.trim().toLowerCase();
  return (
    <form
      aria-label="Packet fields"
      noValidate
      className="border-line border-b bg-bg px-3 py-3 md:px-4"
      onSubmit={(event) => {
        event.preventDefault();
        const checked = packetOf(draft);
        if (checked.ok) onSubmit(checked.value);
        else
          setProblem({
            field: checked.problem.path.replace('packet.', ''),
            say: `${checked.problem.say} ${checked.problem.do}`,
          });
      }}
    >
      <div className="flex flex-wrap items-end gap-x-3 gap-y-2.5">
        <Labelled label="Family">
          <SegmentedControl
            label="Family"
            value={draft.family}
            onChange={(family) => set({ family })}
            segments={[
              { value: 'ip', label: 'ip' },
              { value: 'ip6', label: 'ip6' },
            ]}
          />
        </Labelled>
        <Labelled label="Enters by">
          <SegmentedControl
            label="Enters by"
            value={draft.enters}
            onChange={(enters) => set({ enters })}
            segments={[
              { value: 'interface', label: 'an interface' },
              { value: 'local', label: 'a local process' },
            ]}
          />
        </Labelled>
        {draft.enters === 'interface' ? (
          <TextField
            label="iif"
            hint="eth0"
            width="w-36"
            value={draft.iif}
            onChange={(iif) => set({ iif })}
            invalid={problem?.field === 'iif'}
            options={links.map((link) => ({ value: link.name, label: link.object?.name ?? link.addresses[0] ?? '' }))}
          />
        ) : (
          field('uid', 'uid', '0', 'w-16')
        )}
        {field('saddr', 'saddr', draft.family === 'ip' ? '10.244.1.3' : 'fd00::3', 'w-44')}
        {field('daddr', 'daddr', draft.family === 'ip' ? '10.96.0.10' : 'fd00::10', 'w-44')}
        <TextField
          label="protocol"
          hint="tcp"
          width="w-24"
          value={draft.protocol}
          onChange={(value) => set({ protocol: value })}
          invalid={problem?.field === 'protocol'}
          options={['tcp', 'udp', 'sctp', 'icmp', 'icmpv6'].map((value) => ({ value, label: '' }))}
        />
        {hasPorts(protocol) ? field('sport', 'sport', '40000', 'w-20') : null}
        {hasPorts(protocol) ? field('dport', 'dport', '80', 'w-20') : null}
        {hasFlags(protocol) ? field('flags', 'flags', 'syn', 'w-24') : null}
        {isIcmp(protocol) ? field('icmpType', 'icmp type', '8', 'w-20') : null}
        {isIcmp(protocol) ? field('icmpCode', 'icmp code', '0', 'w-20') : null}
        {field('ttl', draft.family === 'ip' ? 'ttl' : 'hoplimit', '64', 'w-16')}
        {field('mark', 'mark', '0x0', 'w-24')}
        <div className="flex gap-2">
          <Button look="ink" type="submit">
            Trace this packet
          </Button>
          {onCancel === undefined ? null : (
            <Button look="quiet" onClick={onCancel}>
              Close
            </Button>
          )}
        </div>
      </div>
      <p role="status" className="mt-2 text-lost empty:hidden">
        {problem?.say}
      </p>
    </form>
  );
}

function Labelled({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1">
      <span aria-hidden="true" className="text-ink-2 text-label">
        {label}
      </span>
      {children}
    </div>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly hint: string;
  readonly width: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly invalid: boolean;
  readonly options?: readonly { readonly value: string; readonly label: string }[];
}

/** A labelled field in mono, with suggestions where the capture has some. */
function TextField({ label, hint, width, value, onChange, invalid, options }: TextFieldProps) {
  const list = useId();
  return (
    <label className="flex flex-col gap-1">
      <span className="text-ink-2 text-label">{label}</span>
      <input
        value={value}
        placeholder={hint}
        list={options === undefined ? undefined : list}
        aria-invalid={invalid}
        onChange={(event) => onChange(event.target.value)}
        autoComplete="off"
        spellCheck={false}
        className={`${width} h-7 rounded-control border border-line-strong bg-surface px-2 font-mono text-[12px] placeholder:text-ink-3 aria-invalid:border-2 aria-invalid:border-lost`}
      />
      {options === undefined ? null : (
        <datalist id={list}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </datalist>
      )}
    </label>
  );
}
