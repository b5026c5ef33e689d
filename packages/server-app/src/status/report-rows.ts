import type { GrantView, PoolView } from '@lic/core';
import type { StatusReport } from '@lic/protocol';

/** A pool as a report shows it. */
export function poolInReport({ expiresAtMs, graceUntilMs, ...pool }: PoolView): StatusReport['pools'][number] {
  return {
    ...pool,
    ...(expiresAtMs === null ? {} : { expiresAt: instant(expiresAtMs) }),
    ...(graceUntilMs === undefined ? {} : { graceUntil: instant(graceUntilMs) }),
  };
}

/** A grant as a report shows it. */
export function grantInReport(grant: GrantView): StatusReport['grants'][number] {
  const { id, feature, version, count, user, host, state, sinceMs, inGrace } = grant;
  const shown = { id, feature, version, count, user, host, since: instant(sinceMs), state };
  return inGrace === undefined ? shown : { ...shown, inGrace };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
