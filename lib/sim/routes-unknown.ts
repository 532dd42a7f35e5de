/** Why nobody can route on a node: its routes, or its rules of policy routing, were not read or not understood. */
import type { IpFamily, Known, World } from '../world/world';
import { asksForTunnel } from './routing';
import type { Reason } from './trace';

export function routesUnknown(world: Pick<World, 'routes' | 'rules' | 'links'>, family: IpFamily): Reason {
  const { routes, rules } = world;
  const version = family === 'ip' ? 4 : 6;
  if (routes[family].known && asksForTunnel(world, family))
    return {
      code: 'routes-unknown',
      say: `A rule of policy routing of IPv${version} asks for tun_id, and by which number of a tunnel the packet came is not known.`,
      settle: `Ask the node: ip -${version} route get ADDRESS.`,
    };
  const lacksRoutes = !routes[family].known;
  const part: Known<unknown> = lacksRoutes ? routes[family] : rules[family];
  const why = part.known ? 'they were not captured' : part.why;
  const what = lacksRoutes ? `The routes of IPv${version}` : `The rules of policy routing (ip rule) of IPv${version}`;
  const command = `ip -j -${version} ${lacksRoutes ? 'route show table all' : 'rule show'}`;
  return {
    code: 'routes-unknown',
    say: `${what} are not known: ${why}.`,
    // What was read and could not be understood is the same when it is captured again.
    settle: /was not read$|were not captured$/.test(why)
      ? `Capture ${command} on the node.`
      : `Ask the node: ip -${version} route get ADDRESS; or see why ${command} could not be used.`,
  };
}
