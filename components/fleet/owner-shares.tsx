import { count } from '@/lib/explain/words';
import type { OwnerShare } from '@/lib/fleet/fleet-node';
import { OwnerBar, OwnerTag } from '../ui/owner-tag';

/** Letters of owners that have no colour of their own. */
const LETTERS: { readonly [name: string]: string } = {
  libvirt: 'LV',
  Tailscale: 'TS',
  systemd: 'SD',
  LXD: 'LX',
  LXC: 'LC',
  'wg-quick': 'WG',
  'Mullvad VPN': 'MV',
  fail2ban: 'FB',
  CrowdSec: 'CS',
  'iptables-nft': 'IP',
};
/** Undefined: those of its colour. */
export const lettersOf = (name: string): string | undefined => LETTERS[name];

const size = ({ rules, elements }: OwnerShare): number => rules + elements;

/** Whose rules and elements the ruleset holds, as a bar and as letters; every part of the bar is at least visible. */
export function OwnerShares({ owners }: { readonly owners: readonly OwnerShare[] }) {
  const total = owners.reduce((sum, share) => sum + size(share), 0);
  return (
    <span className="flex min-w-0 items-center gap-2">
      {total === 0 ? null : (
        <span aria-hidden="true" className="flex h-[7px] w-[88px] min-w-8 gap-px">
          {owners
            .filter((share) => size(share) > 0)
            .map((share) => (
              <span key={share.name} className="flex min-w-[3px]" style={{ flexGrow: size(share) }}>
                <OwnerBar owner={share.key} className="w-full!" />
              </span>
            ))}
        </span>
      )}
      <span className="flex max-w-[144px] shrink-0 flex-wrap gap-1">
        {owners.map((share) => (
          <OwnerTag
            key={share.name}
            owner={share.key}
            letters={lettersOf(share.name)}
            name={`${share.name}: ${count(share.rules, 'rule')}, ${count(share.elements, 'element')} in ${share.tables.join(', ')}`}
          />
        ))}
      </span>
    </span>
  );
}
