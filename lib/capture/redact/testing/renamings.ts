import { createHash, createHmac } from 'node:crypto';
import { AddressMap } from '../address-map';
import type { Hashes } from '../hashes';
import { IptablesNames, type Renaming, type ServicePort } from '../kube-proxy-names';
import { NameMap } from '../name-map';
import { Words } from '../words';

export const hashesOf = (secret: string): Hashes => ({
  sha256: (text) => createHash('sha256').update(text).digest(),
  keyed: (text) => createHmac('sha256', secret).update(text).digest(),
});

export function renamingOf(secret: string): Renaming {
  const hashes = hashesOf(secret);
  return { hashes, addresses: new AddressMap(hashes), names: new NameMap(hashes) };
}

/** Changes nothing but what cannot be kept: what comes out shows what the formats are taken for. */
export function unchanging(): Renaming {
  const renaming = renamingOf('none');
  const { addresses, names } = renaming;
  names.name = (name) => name;
  addresses.ipv4 = (value) => value;
  addresses.ipv6 = (value) => value;
  addresses.mac = (value) => value;
  return renaming;
}

export function wordsOf(
  renaming: Renaming,
  objects: readonly string[] = [],
  ports: () => readonly ServicePort[] = () => [],
): Words {
  return new Words(renaming, new IptablesNames(renaming, ports), new Set(objects));
}
