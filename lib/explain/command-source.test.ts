import { expect, test } from 'vitest';
import { fromSource } from './command-source';

test.each([
  ['nftscope trace --source S --node n', 'a/b.tar.gz', 'nftscope trace --source a/b.tar.gz --node n'],
  ['nftscope diagnose --source S', 'cluster:kind@prod', 'nftscope diagnose --source cluster:kind@prod'],
  ['nftscope trace --source S --node n', "it's here", "nftscope trace --source 'it'\\''s here' --node n"],
  ['nftscope trace --source S --node n', '$&', "nftscope trace --source '$&' --node n"],
  ['nftscope trace --source Shop --node n', 'x', 'nftscope trace --source Shop --node n'],
  ['nft list ruleset', 'x', 'nft list ruleset'],
])('%s, %s', (command, word, want) => expect(fromSource(command, word)).toBe(want));
