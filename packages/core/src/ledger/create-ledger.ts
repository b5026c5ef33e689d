import { LicError } from '@lic/interfaces';
import { licenseSetHash } from '../license/license-set.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { installable, knowsVersion } from './administration.ts';
import { applyCommand, notFormed } from './apply.ts';
import { borrowBy } from './borrows.ts';
import { decodeCommand } from './command-codec.ts';
import type { InstallCommand, LedgerCommand, OpenCommand } from './commands.ts';
import { waitingFor } from './fitting-pools.ts';
import { forecast } from './forecast.ts';
import type { Ledger } from './ledger-contract.ts';
import { LedgerState } from './ledger-state.ts';
import { nextDeadlineMs } from './license-time.ts';
import { type LedgerVersionRange, ledgerLimits, ledgerVersions } from './limits.ts';
import { explainPolicy, previewPolicy } from './policy-report.ts';
import { idleMsOf } from './policy-seats.ts';
import { assignableIn } from './queue.ts';
import { type Feature, type Grant, type Pool, serialOf } from './records.ts';
import { rejected } from './replies.ts';
import type { GrantView, PoolView, QueueView } from './results.ts';
import { entriesOf, grantsOf } from './sessions.ts';
import { readSnapshot } from './snapshot-reader.ts';
import { type SnapshotUnderWay, writeSnapshot } from './snapshot-writer.ts';
import { viewBorrow, viewEntry, viewGrant, viewLinger, viewPool, viewSession } from './views.ts';

/** What a ledger is given. */
export interface LedgerOptions {
  /** Verifies a license text (signature by the vendor, format). Rejects where it can't: the server is fenced before that entry. */
  verifyLicense(text: string): Promise<void> | void;
  /** The hash of a license text, to check the one that the command names; absent: not checked. */
  licenseHashOf?(text: string): Promise<string> | string;
  /** The ledger rules that are known; default: those of this code. Others stand for an older or a newer one. */
  readonly versions?: LedgerVersionRange;
}

/** An empty ledger: the first command opens it. */
export function createLedger(options: LedgerOptions): Ledger {
  const { versions = ledgerVersions } = options;
  let state = new LedgerState(versions);
  // Decoded in `prepare` and applied next: no command is parsed twice.
  let prepared: { readonly bytes: Uint8Array; readonly command: LedgerCommand | LicError } | undefined;
  let snapshots: readonly SnapshotUnderWay[] = [];

  const commandOf = (bytes: Uint8Array): LedgerCommand | LicError => {
    const command = prepared?.bytes === bytes ? prepared.command : decode(bytes);
    prepared = undefined;
    return command;
  };

  return {
    prepare(bytes) {
      const command = decode(bytes);
      prepared = { bytes, command };
      if (command instanceof LicError) return undefined;
      const version = versionNeeded(state, command);
      if (version !== undefined && !knowsVersion(versions, version))
        return Promise.reject(unknownVersion(version, versions));
      if (command.kind === 'open' || command.kind === 'install') return verify(options, command);
      return undefined;
    },
    apply(_index, bytes) {
      const command = commandOf(bytes);
      return command instanceof LicError
        ? { reply: rejected(command.code, command.message), events: [] }
        : applyCommand(state, command);
    },
    snapshot() {
      if (snapshots.length >= ledgerLimits.snapshotsMax) snapshots[0]!.breakOff();
      const begun = writeSnapshot(state, (ended) => {
        snapshots = snapshots.filter((one) => one !== ended);
      });
      snapshots = [...snapshots, begun];
      return begun;
    },
    async restore(chunks) {
      state = await readSnapshot(chunks, versions);
      prepared = undefined;
    },
    hash: () => state.hash(),
    summary: () => ({
      licenseTimeMs: state.timeMs,
      licenseHash: state.license === null ? null : state.licenseHash,
      settings: state.settings,
      isOpen: state.isOpen,
      ledgerVersion: state.version,
      recoveredAtMs: state.recoveredAtMs === 0 ? null : state.recoveredAtMs,
      drained: [...state.drained].sort(),
      sessions: state.sessions.size,
      grants: state.grants.size + state.lingers.size + state.borrows.size,
      queued: state.entries.size,
    }),
    license: () => state.license,
    licenseText: () => (state.license === null ? null : state.licenseText),
    licenseTexts: () => (state.license === null ? [] : [state.licenseText, ...state.otherTexts]),
    pools: () => viewPools(state),
    session(id) {
      const session = state.sessionsById.get(id);
      return session === undefined ? undefined : viewSession(session, state.leases);
    },
    sessionIds: () => map(state.sessions.walk(), ({ id }) => id),
    grant(id) {
      const grant = state.grants.get(serialOf('g', id));
      return grant === undefined ? undefined : viewGrant(grant);
    },
    borrow(id) {
      const borrow = borrowBy(state, id);
      return borrow === undefined ? undefined : viewBorrow(borrow);
    },
    grantsOf(id) {
      const session = state.sessionsById.get(id);
      return session === undefined ? [] : grantsOf(session).map(viewGrant);
    },
    grants: () => viewAll(state),
    queueOf(id) {
      const session = state.sessionsById.get(id);
      return session === undefined ? [] : entriesOf(session).map(viewEntry);
    },
    assignable: (isBound) =>
      state.isOpen ? viewOfQueues(state, (feature) => assignableIn(state, feature, isBound)) : [],
    queue: (name) => map((state.features.get(name)?.queue ?? []).values(), viewEntry),
    queueHeads: () => viewOfQueues(state, (feature) => feature.queue[0]),
    endingGrants: () => viewGrants(state.endingGrants.walk()),
    nextDeadlineMs: () => nextDeadlineMs(state),
    forecast: (supposed) => forecast(state, supposed),
    policy: () =>
      state.policyJson === ''
        ? null
        : { text: state.policyText, document: JSON.parse(state.policyJson) as PolicyDocument },
    installRefusal(texts) {
      const found = state.license === null ? notFormed : installable(state, texts);
      return 'kind' in found ? { code: found.code, message: found.message } : null;
    },
    previewPolicy: (document) => previewPolicy(state, document),
    explainPolicy: (feature, asker) => explainPolicy(state, feature, asker),
    idleMsFor(id) {
      const grant = state.grants.get(serialOf('g', id));
      return grant === undefined ? undefined : idleMsOf(state, grant.pool.featureName);
    },
    shortestHoldMs: () => state.leases.shortestHoldMs,
    longestHoldMs: () => state.leases.longestHoldMs,
    longestLeaseMs: () => state.leases.longestLeaseMs,
  };
}

function decode(bytes: Uint8Array): LedgerCommand | LicError {
  try {
    return decodeCommand(bytes);
  } catch (error) {
    if (error instanceof LicError) return error;
    throw error;
  }
}

/** The ledger version that must be known to apply the command; undefined: none. */
function versionNeeded(state: LedgerState, command: LedgerCommand): number | undefined {
  if (command.kind === 'open' || command.kind === 'raiseVersion') return command.ledgerVersion;
  return state.version === 0 ? undefined : state.version;
}

async function verify(options: LedgerOptions, command: OpenCommand | InstallCommand): Promise<void> {
  const { license, others = [], licenseHash } = command;
  const hashes: string[] = [];
  for (const text of [license, ...others]) {
    await options.verifyLicense(text);
    const hash = await options.licenseHashOf?.(text);
    if (hash !== undefined) hashes.push(hash);
  }
  if (hashes.length === 0) return;
  const found = licenseSetHash(hashes);
  if (found !== licenseHash)
    throw new LicError('LICENSE_HASH', `The log names a license with hash ${licenseHash}, its text has ${found}.`);
}

function unknownVersion(version: number, { min, max }: LedgerVersionRange): LicError {
  return new LicError(
    'LEDGER_VERSION',
    `Ledger version ${version} is in force, this server knows ${min} to ${max}: update it, it applies nothing until then.`,
    { details: { version, min, max } },
  );
}

function viewPools(state: LedgerState): readonly PoolView[] {
  const removed: Pool[] = [];
  for (const pool of state.pools.walk()) if (pool.isRemoved) removed.push(pool);
  return [...state.licensed, ...removed].map((pool) => viewPool(pool, queuedFor(state, pool), state.timeMs));
}

function queuedFor(state: LedgerState, pool: Pool): number {
  const feature = state.features.get(pool.featureName);
  return feature === undefined ? 0 : waitingFor(feature, pool);
}

function viewOfQueues(
  state: LedgerState,
  choose: (feature: Feature) => Parameters<typeof viewEntry>[0] | undefined,
): readonly QueueView[] {
  return [...state.queued]
    .flatMap((feature) => choose(feature) ?? [])
    .sort((a, b) => a.serial - b.serial)
    .map(viewEntry);
}

function viewGrants(grants: IterableIterator<Grant>): IterableIterator<GrantView> {
  return map(grants, viewGrant);
}

function* viewAll(state: LedgerState): IterableIterator<GrantView> {
  yield* viewGrants(state.grants.walk());
  yield* map(state.lingers.walk(), viewLinger);
  yield* map(state.borrows.walk(), viewBorrow);
}

function* map<A, B>(items: Iterable<A>, to: (item: A) => B): IterableIterator<B> {
  for (const item of items) yield to(item);
}
