/** A sentence for each difference: what made it, as it was judged. */
import { fixedNames } from '../expected/fixed-part';
import type { Difference } from './compare-tables';
import type { Judgement } from './judge';
import { isAffinity } from './strange-parts';

/** @param judgements of this difference; none: it is no fault */
export function meaningOf(difference: Difference, judgements: readonly Judgement[]): string {
  const altered = judgements.find(({ code }) => code === 'proxy-rules-altered');
  if (altered !== undefined) return alteredMeaning(difference, altered.isIdle);
  return judgements.length > 0 || difference.owner.role === 'hairpin'
    ? behindMeaning(difference)
    : harmlessMeaning(difference);
}

/** Somebody else wrote there. */
function alteredMeaning({ kind, name }: Difference, isIdle: boolean): string {
  switch (kind) {
    case 'chain extra':
    case 'set extra':
      return isIdle ? IDLE : ADDED;
    case 'chain differs':
      return 'Somebody other than kube-proxy changed this base chain.';
    case 'set differs':
      return isAffinity(name) ? TIMEOUT : 'Somebody other than kube-proxy declared the set otherwise.';
    case 'element extra':
      return isAffinity(name) ? PERMANENT : SOMEBODY;
    case 'table missing':
    case 'table differs':
    case 'chain missing':
    case 'rule missing':
    case 'rule extra':
    case 'rule differs':
    case 'rule order':
    case 'set missing':
    case 'element missing':
    case 'element differs':
      return SOMEBODY;
  }
}

/** kube-proxy has not seen a Service or endpoint come or go. */
function behindMeaning({ kind }: Pick<Difference, 'kind'>): string {
  switch (kind) {
    case 'chain missing':
    case 'rule missing':
    case 'set missing':
    case 'element missing':
    case 'table missing':
      return 'kube-proxy has not written what the cluster has: it is behind, failing or stopped, or somebody took it away.';
    case 'chain extra':
    case 'rule extra':
    case 'set extra':
    case 'element extra':
      return 'kube-proxy has not taken away what is gone from the cluster: it is behind, failing or stopped.';
    case 'table differs':
    case 'chain differs':
    case 'rule differs':
    case 'rule order':
    case 'set differs':
    case 'element differs':
      return 'kube-proxy is behind the cluster: it has not seen a change, cannot write it, or has stopped.';
  }
}

/** Why it is no finding of its own. */
function harmlessMeaning({ kind, name, owner }: Difference): string {
  if (kind === 'table missing')
    return 'kube-proxy has not started in nftables mode, stopped and was cleaned up, or somebody deleted its table.';
  if (kind === 'table differs')
    return 'Somebody made the table dormant: none of its rules sees a packet. kube-proxy does not mend that by itself.';
  if (name === 'nodeport-ips') return 'kube-proxy reads addresses at full syncs only, up to an hour apart.';
  if ((kind === 'chain extra' || kind === 'set extra') && fixedNames().has(name)) return LEFT;
  if (owner.services.length === 0)
    return 'Nothing else is written there: kube-proxy has not filled its table, or somebody emptied it.';
  if (kind === 'set differs') return 'The affinity timeout of the Service changed after the last sync.';
  return kind === 'chain extra' || kind === 'set extra' ? behindMeaning({ kind }) : EARLIER;
}

const SOMEBODY = 'Somebody other than kube-proxy changed its table, which the next full sync mends.';
const ADDED =
  "Somebody other than kube-proxy added it: a full sync writes kube-proxy's own chains and sets, and leaves others there.";
const IDLE = 'Somebody other than kube-proxy added it. Nothing uses it, so no packet meets it; a full sync leaves it.';
const PERMANENT =
  'Somebody other than kube-proxy added the client: rules add clients with the timeout of the set, this one keeps its endpoint for good.';
const TIMEOUT =
  'Somebody other than kube-proxy changed this set: other endpoints of the Service have the timeout that they should.';
const LEFT =
  'Another release of kube-proxy wrote it: an update leaves it there, and so does a full sync. By itself it is no fault.';
const EARLIER =
  'As kube-proxy writes it for an earlier state of the Service: a policy, affinity, ranges of sources or hints of topology changed after the last sync. Its endpoints are as they should be.';
