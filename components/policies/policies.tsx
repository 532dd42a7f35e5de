import { allowsText, POLICIES_ARE, sideText, wayText } from '@/lib/api/policies-text';
import type { PoliciesView, PolicySide, PolicyWay } from '@/lib/api/policies-view';
import { Badge } from '../ui/badge';
import { cx } from '../ui/cx';

const TONE = { yes: 'delivered', no: 'lost', unknown: 'unknown' } as const;
const WORD = { yes: 'allowed', no: 'not allowed', unknown: 'not known' } as const;

/** What the NetworkPolicies ask for a connection: context beside the verdict, never part of it. */
export function Policies({ view }: { readonly view: PoliciesView }) {
  return (
    <div className="flex flex-col gap-2 text-prose">
      {view.remarks.map((say) => (
        <p
          key={say}
          className="rounded-card border border-line-strong bg-surface px-2.5 py-1.5 [overflow-wrap:anywhere]"
        >
          {say}
        </p>
      ))}
      {view.unknown === null ? null : <p>Not known: {view.unknown}.</p>}
      {view.ways.map((way) => (
        <Way key={way.to.join(' ')} way={way} />
      ))}
      <p className="text-[12px] text-ink-2">They are {POLICIES_ARE}.</p>
    </div>
  );
}

function Way({ way }: { readonly way: PolicyWay }) {
  return (
    <div className="flex flex-col gap-1.5">
      <p>
        <Badge tone={TONE[way.allowed]}>{WORD[way.allowed]}</Badge>{' '}
        <span className="[overflow-wrap:anywhere]">{wayText(way)}</span>
      </p>
      <Side what="Egress of" end={way.egress.end} side={way.egress} />
      <Side what="Ingress of" end={way.to.join(', ')} side={way.ingress} />
    </div>
  );
}

interface SideProps {
  readonly what: string;
  readonly end: string;
  readonly side: PolicySide;
}

function Side({ what, end, side }: SideProps) {
  return (
    <div className="border-line border-l-2 pl-2.5">
      <p className="[overflow-wrap:anywhere]">
        {what} <strong className="font-[620]">{end}</strong>
        <span className="text-ink-2">: {sideText(side)}</span>
      </p>
      {side.policies.length === 0 ? null : (
        <ul>
          {side.policies.map((line) => (
            <li key={`${line.namespace}/${line.name}`} className="[overflow-wrap:anywhere]">
              <span className="font-mono text-[12px]">
                {line.namespace}/{line.name}
              </span>{' '}
              <span className="text-ink-2">({line.directions.join(', ')})</span>{' '}
              <span className={cx(line.allows === 'no' && 'font-[620]')}>{allowsText(line)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
