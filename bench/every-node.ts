/**
 * One question from every node of a large cluster: how long it takes.
 *
 *   node --conditions=react-server --import tsx bench/every-node.ts [COPIES] [TO]
 *
 * The nodes are copies of one of the demo capture (tests/kube/many-nodes.ts), in this process.
 */
import { fileURLToPath } from 'node:url';
import { lookAt } from '../server/sessions/look-at';
import { Paths } from '../server/sessions/paths';
import { manyNodes } from '../tests/kube/many-nodes';

const [copies = '997', to = 'svc:shop/api:http'] = process.argv.slice(2);
const demo = fileURLToPath(new URL('../public/demo/shop-3node.tar.gz', import.meta.url));
const source = await manyNodes(demo, Number(copies));
const described = await lookAt(source);
if (!described.ok) throw new Error(described.problem.say);
const paths = new Paths('many', source);
const began = performance.now();
const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
let told = 0;
const found = await paths.everyNode({ to }, described.value, new AbortController().signal, (done, of) => {
  if (Math.floor((10 * done) / of) === told) return;
  told = Math.floor((10 * done) / of);
  process.stdout.write(`  ${seconds()} ${done} of ${of}, ${Math.round(process.memoryUsage.rss() / 1e6)} MB\n`);
});
if (!found.ok) throw new Error(found.problem.say);
for (const { results, askers, say } of found.value)
  process.stdout.write(
    `${results.map(({ word, probability }) => `${word} ${probability.toFixed(3)}`).join(', ')}: ${askers.length}, ${askers[0]?.from}, ${say}\n`,
  );
process.stdout.write(`${found.value.length} groups in ${seconds()}\n`);
