/**
 * Writes the flows of kube-proxy's tests as lines for `nftscope trace --cases -`.
 *
 *     npx tsx tests/conformance/write-flow-cases.ts [RELEASE …] | node dist/nftscope.mjs trace --cases -
 */
import { sharedDir } from '../shared';
import { caseOf, RELEASES, readFlows } from './kube-proxy-flows';

const shared = sharedDir();
if (shared === undefined) {
  process.stderr.write('no shared data (set NFTSCOPE_SHARED or put it in ../shared)\n');
  process.exit(2);
}
const asked = process.argv.slice(2);
for (const release of asked.length > 0 ? asked : RELEASES) {
  for (const record of readFlows(shared, release)) process.stdout.write(`${JSON.stringify(caseOf(record, release))}\n`);
}
