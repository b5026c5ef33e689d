import { asInForce, denyMoreSessions } from './checkout.ts';
import type { CheckoutCommand, CheckoutItem, SessionOpening } from './commands.ts';
import type { LedgerState } from './ledger-state.ts';
import type { Denial } from './results.ts';
import { openedSession } from './sessions.ts';
import { decideAll, itemsOf } from './several-features.ts';

/** A checkout that nobody makes, with what the server in control would stamp on it. */
export type SupposedCheckout = CheckoutItem &
  Omit<SessionOpening, 'secretHash'> &
  Pick<CheckoutCommand, 'more' | 'pastQueue' | 'isHalted'>;

/** Seats of one feature that a checkout would get. */
export interface ForeseenSeats {
  readonly feature: string;
  readonly version: string;
  readonly count: number;
}

/** What a checkout would come to: seats of each feature that it names, or none. */
export type Forecast =
  | { readonly granted: true; readonly seats: readonly ForeseenSeats[] }
  | { readonly granted: false; readonly denial: Denial };

/**
 * Decides a checkout by a client that holds nothing yet, as any other, and changes nothing. Says what is so as of the last command: not
 * what will be so when somebody asks.
 */
export function forecast(state: LedgerState, supposed: SupposedCheckout): Forecast {
  const { user, host, project, product, ...wish } = supposed;
  const command = asInForce(state, {
    kind: 'checkout',
    at: state.timeMs,
    session: '',
    seq: 1,
    awaited: 1,
    attempt: 1,
    epoch: 0,
    ...wish,
  });
  const full = denyMoreSessions(state, command);
  if (full !== undefined) return { granted: false, denial: full };
  const opening = {
    secretHash: '',
    user,
    host,
    ...(project === undefined ? {} : { project }),
    ...(product === undefined ? {} : { product }),
  };
  const decision = decideAll(state, openedSession(state, opening, { serial: 0, id: '', attempt: 1 }), command);
  // Without a wait nobody waits.
  if (decision.kind === 'wait') throw new Error('A checkout that does not wait was to be queued.');
  if (decision.kind === 'deny') return { granted: false, denial: decision.denial };
  const features = itemsOf(command);
  const seats = decision.parts.map(({ pool, count }, at) => ({
    feature: features[at]!.feature,
    version: pool.version.text,
    count,
  }));
  return { granted: true, seats };
}
