/** Settings of the node (sysctl) as a trace asks for them: a value, an assumption that is said, or undecided. */
import type { Run } from './environment';
import { routesUnknown } from './routes-unknown';

/** The value that was captured; undefined where the file or the key is not in the capture. */
export function sysctl(run: Run, key: string): string | undefined {
  const { sysctl: all } = run.p.world;
  return all.known ? all.value.get(key) : undefined;
}

/** A boolean setting whose default every distribution keeps: where the capture lacks it the default is assumed, and said. */
export function setting(run: Run, key: string, fallback: boolean): boolean {
  const v = sysctl(run, key);
  if (v !== undefined) return v !== '0';
  run.assume(`sysctl ${key}`, `${key} is not in the capture and taken to be ${fallback ? 1 : 0}.`);
  return fallback;
}

/** A setting that differs from node to node and that the capture lacks: nothing can be said that depends on it. */
export function settingUnknown(run: Run, key: string): never {
  const { sysctl: all } = run.p.world;
  return run.undecided(
    'sysctl-unknown',
    `${key} decides here, and it is not known: ${all.known ? 'the capture lacks this setting' : all.why}.`,
    `Capture sysctl ${key} on the node.`,
  );
}

/**
 * True where `conf.all` or `conf.DEV` switches a thing on (IN_DEV_ORCONF). Where the settings were read but this one was not asked
 * for, the kernel's default, off, is assumed and said; where none were read nobody can tell.
 */
export function deviceSetting(run: Run, dev: string, name: string): boolean {
  const keys = [`net.ipv4.conf.all.${name}`, `net.ipv4.conf.${dev}.${name}`];
  const values = keys.map((key) => sysctl(run, key));
  if (values.some((v) => v !== undefined && v !== '0')) return true;
  if (!run.p.world.sysctl.known) return settingUnknown(run, keys[0] ?? name);
  if (values[1] === undefined) run.assume(`sysctl ${name}`, `${keys[1]} is not in the capture and taken to be 0.`);
  return false;
}

/** net.ipv6.conf.all.forwarding, which makes the node a router of IPv6. */
export function isForwarding6(run: Run): boolean {
  const all = sysctl(run, 'net.ipv6.conf.all.forwarding');
  return all === undefined ? settingUnknown(run, 'net.ipv6.conf.all.forwarding') : all !== '0';
}

/** Nobody can say where a packet goes. */
export function noRoutes(run: Run, family: 'ip' | 'ip6'): never {
  const { code, say, settle } = routesUnknown(run.p.world, family);
  return run.undecided(code, say, settle);
}

/** Routing asks which addresses and interfaces the node has: undecided where that was not captured. */
export function linksNeeded(run: Run): void {
  const { links } = run.p.world;
  if (!links.known)
    run.undecided(
      'links-unknown',
      `The interfaces of the node are not known: ${links.why}.`,
      'Capture ip -j addr show on the node.',
    );
}
