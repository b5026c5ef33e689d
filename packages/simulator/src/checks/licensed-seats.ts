import type { LedgerCommand } from '@lic/core';
import { z } from 'zod';

const licenseSchema = z.object({
  id: z.string(),
  supersedes: z.array(z.string()).default([]),
  features: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      count: z.union([z.number(), z.literal('uncounted')]),
      overdraft: z.number().default(0),
      lingerSeconds: z.number().default(0),
    }),
  ),
});

/** What the license files say of one version of a feature, whatever else is in force. */
export interface LicensedSeats {
  count: number;
  overdraft: number;
  lingerMs: number;
}

/** By feature and version, as the texts have it that a command brings; undefined: it brings none. */
export function licensedSeats(command: LedgerCommand): ReadonlyMap<string, LicensedSeats> | undefined {
  if (command.kind !== 'open' && command.kind !== 'install') return undefined;
  const licenses = [command.license, ...(command.others ?? [])].map((text) => licenseSchema.parse(JSON.parse(text)));
  const superseded = licenses.flatMap(({ supersedes }) => supersedes);
  const pools = new Map<string, LicensedSeats>();
  for (const { id, features } of licenses)
    for (const { name, version, count, overdraft, lingerSeconds } of superseded.includes(id) ? [] : features) {
      const key = `${name} ${version}`;
      const known = pools.get(key) ?? { count: 0, overdraft: 0, lingerMs: lingerSeconds * 1_000 };
      known.count += count === 'uncounted' ? Infinity : count;
      known.overdraft += overdraft;
      pools.set(key, known);
    }
  return pools;
}
