import type { GrantView, Ledger } from '@lic/core';
import type { AdminRequest } from '@lic/protocol';

/** Who holds grants, as an administrator names it. */
export type Holder = Extract<AdminRequest, { verb: 'remove' }>['holder'];

/** The grants of a holder, whatever state they are in; none for a holder that nobody knows. O(grants), but for a session. */
export function* grantsOf(ledger: Pick<Ledger, 'grants' | 'grantsOf'>, holder: Holder): Iterable<GrantView> {
  if ('session' in holder) {
    yield* ledger.grantsOf(holder.session);
    return;
  }
  const { user, host }: { readonly user?: string; readonly host?: string | undefined } = holder;
  for (const grant of ledger.grants())
    if ((user ?? grant.user) === grant.user && (host ?? grant.host) === grant.host) yield grant;
}

/** The holder in words. */
export function holderText(holder: Holder): string {
  if ('session' in holder) return `Session ${holder.session}`;
  if (!('user' in holder)) return `Host ${holder.host}`;
  return holder.host === undefined ? holder.user : `${holder.user} on ${holder.host}`;
}
