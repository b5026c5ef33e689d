import type { FeatureWish, Identity } from '@lic/client';
import type { SeededRandom } from '@lic/testkit';

/** What products say of themselves besides user and host, where the plan has it so. */
export const saidKinds = ['project', 'product', 'display'] as const;

/** One of {@link saidKinds}. */
export type Said = (typeof saidKinds)[number];

/** All that rules may name. */
export const projects = ['bridge', 'tunnel'];
export const productNames = ['cad', 'cam'];
export const displays = [':0', ':1'];
/** The maintenance that licenses name covers it. */
export const earlyRelease = '2025-06-01';
const shareKeys = ['drawing-1', 'drawing-2'];
/** Before the end of the maintenance that licenses name, and after it. */
const releases = [earlyRelease, earlyRelease, earlyRelease, '2026-06-01'];
/** Releases from then on are not covered. */
export const supportedUntil = '2025-12-31';

/** A client's host, as other hosts see it. `2` in `client-3.2`: it took the place of one that died. */
const clientHost = /^client-(\d+)(?:\.(\d+))?$/;

/** A traveller's process. */
const travellerHost = /^traveller-(\d+)\.(\d+)$/;

/** The address of a host that is a client's or a traveller's; others have none. Every third client's is an IPv6 one. */
export function addressOf(host: string): string | undefined {
  const [, traveller, trip] = travellerHost.exec(host) ?? [];
  if (traveller !== undefined) return `10.2.${traveller}.${Number(trip) % 256}`;
  const [, slot, life = 1] = clientHost.exec(host) ?? [];
  if (slot === undefined) return undefined;
  return Number(slot) % 3 === 0 ? `2001:db8:0:${life}::${Number(slot).toString(16)}` : `10.1.${life}.${slot}`;
}

/** Who a product on this host says that it is: the same in all runs that have it said. */
export function identityOf(host: string, says: readonly Said[]): Identity {
  const slot = Number(clientHost.exec(host)?.[1] ?? 0);
  return {
    user: `user of ${host}`,
    host,
    ...(says.includes('project') ? { project: projects[slot % 2]! } : {}),
    ...(says.includes('product') ? { product: productNames[(slot >> 1) % 2]! } : {}),
  };
}

/** What a checkout says of where and for what its seats are used. */
export function drawUse(
  random: SeededRandom,
  says: readonly Said[],
): Pick<FeatureWish, 'display' | 'shareKey' | 'releasedAt'> {
  return {
    ...(says.includes('display') ? { display: random.pick(displays) } : {}),
    shareKey: random.pick(shareKeys),
    releasedAt: random.pick(releases),
  };
}
