import type { Lookup } from '@/lib/sim/trace';
import { ChainName } from '../ui/chain-name';

/** A look-up: the key, what it was among, the element it hit. Look-ups in sets written in the rule are marked there instead. */
export function LookupLine({ lookup }: { readonly lookup: Lookup }) {
  const { key, size, hit } = lookup;
  if (hit === undefined) {
    return (
      <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5 py-0.5 text-code">
        <Key text={key} />
        <span className="text-ink-2">none of {size}, goes on</span>
      </p>
    );
  }
  const interval = hit.element !== key;
  const result = hit.data ?? hit.element;
  const verb = /^(jump|goto) (.+)$/.exec(result);
  return (
    <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5 py-0.5 text-code">
      <Key text={key} />
      <span className="text-ink-2">
        {interval ? 'in ' : ''}1 of {size}
        {interval && hit.data !== undefined ? `, ${hit.element},` : ''}
        <span aria-hidden="true"> →</span>
      </span>
      <mark className="max-w-full rounded-mark bg-marker-hit px-1 font-mono text-ink [overflow-wrap:anywhere]">
        {verb?.[1] !== undefined && verb[2] !== undefined ? (
          <>
            {verb[1]} <ChainName name={verb[2]} tone="inherit" />
          </>
        ) : (
          result
        )}
      </mark>
    </p>
  );
}

function Key({ text }: { readonly text: string }) {
  return <code className="rounded-mark bg-sunken px-1.5 text-read [overflow-wrap:anywhere]">{text}</code>;
}
