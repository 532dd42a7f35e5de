/**
 * What a listing costs a node, by the number of Services: the agent lists as JSON and as text. The rulesets are in network namespaces of
 * their own, so this needs root and nft; without them there is nothing to measure.
 */
import { execFileSync } from 'node:child_process';
import { renderRuleset } from '../lib/render/render-ruleset';
import type { Bench } from './bench';
import { kubeProxyNode } from './kube-proxy-node';

const SIZES = [1000, 5000] as const;
const namespace = (services: number): string => `nftscope-bench-${process.pid}-${services}`;

function make(services: number): boolean {
  const { ruleset } = kubeProxyNode(services);
  if (!ruleset.known) return false;
  try {
    execFileSync('ip', ['netns', 'add', namespace(services)], { stdio: 'ignore' });
    process.once('exit', () => execFileSync('ip', ['netns', 'del', namespace(services)]));
    execFileSync('ip', ['netns', 'exec', namespace(services), 'nft', '-f', '-'], {
      input: renderRuleset(ruleset.value),
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    return true;
  } catch {
    return false;
  }
}

const nft = (services: number, ...argv: readonly string[]) => {
  return () =>
    execFileSync('ip', ['netns', 'exec', namespace(services), 'nft', ...argv], {
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1e9,
    });
};

const isThere = SIZES.every(make);
const [few, many] = SIZES;

export const bench: Bench = {
  name: `listing the ruleset of a node with kube-proxy${isThere ? '' : ': not measured, this needs root and nft'}`,
  cases: isThere
    ? {
        [`${few} Services, nft -j list ruleset`]: nft(few, '-j', 'list', 'ruleset'),
        [`${few} Services, nft -a list ruleset`]: nft(few, '-a', 'list', 'ruleset'),
        [`${few} Services, nft -j list chains`]: nft(few, '-j', 'list', 'chains'),
        [`${few} Services, nft -j list map`]: nft(few, '-j', 'list', 'map', 'ip', 'kube-proxy', 'service-ips'),
        [`${many} Services, nft -j list ruleset`]: nft(many, '-j', 'list', 'ruleset'),
        [`${many} Services, nft -a list ruleset`]: nft(many, '-a', 'list', 'ruleset'),
        [`${many} Services, nft -j list chains`]: nft(many, '-j', 'list', 'chains'),
        [`${many} Services, nft -j list map`]: nft(many, '-j', 'list', 'map', 'ip', 'kube-proxy', 'service-ips'),
      }
    : {},
};
