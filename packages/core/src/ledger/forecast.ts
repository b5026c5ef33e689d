import type { CheckoutItem } from './commands.ts';
import type { LedgerState } from './ledger-state.ts';
import type { Denial } from './results.ts';
import { newSession } from './sessions.ts';
import { decideAll } from './several-features.ts';

/** A checkout that nobody makes. */
export interface SupposedCheckout extends CheckoutItem {
  readonly user: string;
  readonly host: string;
  readonly project?: string;
  readonly product?: string;
  /** From where it would come. */
  readonly address?: string;
}

/** What a checkout would come to. */
export type Forecast =
  | { readonly granted: true; readonly feature: string; readonly version: string; readonly count: number }
  | { readonly granted: false; readonly denial: Denial };

/**
 * Decides a checkout by a client that holds nothing yet, as any other, and changes nothing. Says what is so as of the last command: not
 * what will be so when somebody asks.
 */
export function forecast(state: LedgerState, supposed: SupposedCheckout): Forecast {
  const { user, host, project = '', product = '', ...item } = supposed;
  const nobody = newSession(
    {
      serial: 0,
      id: '',
      secretHash: '',
      user,
      host,
      project,
      product,
      epoch: 1,
      epochFloor: 0,
      openAttempt: 1,
      resumeRequest: '',
      resumeAttempt: 0,
      lastSeq: 0,
      awaited: 1,
      toldSerial: 0,
    },
    false,
  );
  const command = {
    kind: 'checkout',
    at: state.timeMs,
    session: '',
    seq: 1,
    awaited: 1,
    attempt: 1,
    epoch: 0,
  } as const;
  const decision = decideAll(state, nobody, { ...command, ...item });
  // Without a wait nobody waits.
  if (decision.kind === 'wait') throw new Error('A checkout that does not wait was to be queued.');
  if (decision.kind === 'deny') return { granted: false, denial: decision.denial };
  const [part] = decision.parts;
  return { granted: true, feature: item.feature, version: part!.pool.version.text, count: part!.count };
}
