import type { LicError, StateMachine } from '@lic/interfaces';
import type { License } from '../license/license.ts';
import type { Asker, PolicyDocument } from '../policy/document.ts';
import type { InstallCommand } from './commands.ts';
import type { Forecast, SupposedCheckout } from './forecast.ts';
import type { PolicyExplanation, PolicyPreview } from './policy-report.ts';
import type { GrantView, LedgerResult, LedgerSummary, PoolView, QueueView, SessionView } from './results.ts';

/**
 * The replicated state of a triad: pure and deterministic, with views for the server that hosts it. All views are as of
 * the last applied command, cheap (O(1) or O(log n) unless said), and stay valid copies afterwards.
 */
export interface Ledger extends StateMachine<LedgerResult> {
  summary(): LedgerSummary;
  /**
   * The license in force, or null before `open`; of several files, the first with the features of all (a feature and version may
   * then stand there more than once).
   */
  license(): License | null;
  /** The (first) license's text as it was signed, or null. */
  licenseText(): string | null;
  /** The texts of all license files in force, the first first; none before `open`. */
  licenseTexts(): readonly string[];
  /** In the license's order, then removed ones that still have grants (count 0). O(pools). */
  pools(): readonly PoolView[];
  session(id: string): SessionView | undefined;
  /** Ids of all sessions; O(n) to walk, in order of their beginning. */
  sessionIds(): IterableIterator<string>;
  grant(id: string): GrantView | undefined;
  /** A borrow by the client's own id, or by the one in reports (`b12`). */
  borrow(id: string): GrantView | undefined;
  /** The session's grants; O(its grants). */
  grantsOf(session: string): readonly GrantView[];
  /** All grants, oldest first, and after those of sessions the *lingering* and then the *borrowed* ones; walked lazily. */
  grants(): IterableIterator<GrantView>;
  queueOf(session: string): readonly QueueView[];
  /**
   * For each queue the first entry whose session `isBound`, where it fits into the free seats now. Where it does not, nobody
   * behind it gets a seat that would do for it (a large request must not starve); an entry that is content with a lower
   * version may. Entries of sessions that are not bound keep their place and are passed over: O(1) for a queue without free
   * seats, else O(entries passed over). None while checkouts are not open. The caller decides when a queue may be served at all (triad.md, Sessions and the queue).
   */
  assignable(isBound: (session: string) => boolean): readonly QueueView[];
  /** The queue of a feature from its head; walked lazily. */
  queue(feature: string): IterableIterator<QueueView>;
  /** The first entry of each queue: the caller waits for it at most one second in a new term. */
  queueHeads(): readonly QueueView[];
  /** All grants that are *ending*; O(their number). */
  endingGrants(): IterableIterator<GrantView>;
  /**
   * License time at which a feature begins or ends or a queue place gives up next, or null. May be now: a command ends at
   * most `ledgerLimits.endsPerCommandMax` things that are due, and what is left ends with the next.
   */
  nextDeadlineMs(): number | null;
  /** What a checkout by a client that holds nothing yet would come to as of the last command. Changes nothing. */
  forecast(supposed: SupposedCheckout): Forecast;
  /** The policy in force as it was written, and what it says; null where there never was one. */
  policy(): { readonly text: string; readonly document: PolicyDocument } | null;
  /**
   * What a policy would change, and who would be denied, as of the first step. O(grants + queue places), in steps of less than a
   * millisecond: the caller lets others run between them, commands are applied meanwhile, and it ends what it leaves (`return`).
   */
  previewPolicy(document: PolicyDocument): Generator<void, PolicyPreview>;
  /** Why a reload of these licenses would be rejected as of the last command; null: it would not be. */
  installRefusal(texts: Pick<InstallCommand, 'license' | 'others'>): Pick<LicError, 'code' | 'message'> | null;
  /** What the policy in force comes to for somebody. */
  explainPolicy(feature: string, asker: Asker): PolicyExplanation;
  /** How long a grant may be idle before it is made *ending*, ms; undefined: any time, or no such grant. */
  idleMsFor(grant: string): number | undefined;
  /** The shortest hold that a session can have under the license and settings in force, ms. */
  shortestHoldMs(): number;
  /** The longest hold that any grant can have under the license and settings in force, ms. */
  longestHoldMs(): number;
  /** The longest lease of the license in force, ms. */
  longestLeaseMs(): number;
}
