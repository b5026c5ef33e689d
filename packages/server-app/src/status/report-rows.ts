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
  const { id, feature, version, count, user, host, state, sinceMs, untilMs, inGrace, overdraft, share } = grant;
  const session = grant.session === '' ? undefined : grant.session;
  const since = instant(sinceMs);
  const until = untilMs === undefined ? undefined : instant(untilMs);
  return {
    id,
    feature,
    version,
    count,
    user,
    host,
    since,
    state,
    ...given({ until, share, session, inGrace, overdraft }),
  };
}

/** Without what is undefined. */
function given<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
