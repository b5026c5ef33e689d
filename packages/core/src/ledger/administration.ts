import { LicError } from '@lic/interfaces';
import type { License } from '../license/license.ts';
import { combineLicenses } from '../license/license-set.ts';
import { parseLicense } from '../license/parse-license.ts';
import { isOneServerAtMost, type ServerChanges, serverChanges } from '../license/server-changes.ts';
import type { DrainCommand, InstallCommand, OpenCommand, RaiseVersionCommand } from './commands.ts';
import type { LedgerState } from './ledger-state.ts';
import { advanceTime, sweep } from './license-time.ts';
import { exchangeVersion, type LedgerVersionRange, ledgerLimits, recoverVersion, termsVersion } from './limits.ts';
import { fitPools } from './pool-terms.ts';
import { ok, rejected } from './replies.ts';
import type { LedgerReply } from './results.ts';
import { versionOfTerms } from './terms-version.ts';

/** Whether ledger rules are among those that are known (triad.md, Versions). */
export function knowsVersion({ min, max }: LedgerVersionRange, version: number): boolean {
  return version >= min && version <= max;
}

/** The first entry: license, license time (no limit on this step), settings, and the rules in force. */
export function applyOpen(state: LedgerState, command: OpenCommand): LedgerReply {
  if (state.license !== null)
    return rejected('FORMED_ALREADY', 'The triad is formed: load another license with "lic reload".');
  if (!knowsVersion(state.known, command.ledgerVersion)) return rejectVersion(state, command.ledgerVersion);
  const license = readLicenses(command);
  if (license instanceof LicError) return rejected(license.code, license.message);
  if (versionOf(license, command) > command.ledgerVersion) return rejectTerms(command.ledgerVersion);
  const { leaseMs, drift, marginMs, allowShortLeases, borrowMarginMs } = command.settings;
  const settings = { leaseMs, drift, marginMs, allowShortLeases };
  // Servers of the versions before would not have it in their state.
  const hasMargin = borrowMarginMs !== undefined && command.ledgerVersion >= termsVersion;
  state.settings = hasMargin ? { ...settings, borrowMarginMs } : settings;
  state.version = command.ledgerVersion;
  advanceTime(state, command.at);
  state.formedAtMs = state.timeMs;
  state.setLicense(license, command);
  fitPools(state, license, state.settings);
  sweep(state, ledgerLimits.endsPerCommandMax);
  state.events.push({ kind: 'licenseInstalled', licenseHash: command.licenseHash });
  if (command.isNew) applyOpened(state);
  return ok;
}

/** Checkouts may begin: one longest hold was waited, or nothing older can hold seats. */
export function applyOpened(state: LedgerState): LedgerReply {
  if (!state.isOpen) {
    state.events.push({ kind: 'opened' });
    state.areOffersOpen = true;
  }
  state.isOpen = true;
  return ok;
}

/** Grants of servers that are gone may be held still: checkouts close until one longest hold was waited. */
export function applyRecover(state: LedgerState): LedgerReply {
  if (state.version < recoverVersion)
    return rejected(
      'LEDGER_VERSION',
      `To recover needs ledger version ${recoverVersion}: ${state.version} is in force.`,
    );
  state.isOpen = false;
  state.recoveredAtMs = state.timeMs;
  state.events.push({ kind: 'recovered' });
  return ok;
}

/** Another license takes the place of the one in force. Nobody is evicted; grants of what it no longer names become *ending*. */
export function applyInstall(state: LedgerState, command: InstallCommand): LedgerReply {
  const license = installable(state, command);
  if ('kind' in license) return license;
  state.setLicense(license, command);
  if (state.version >= exchangeVersion) {
    for (const key of state.drained) {
      if (!license.servers.some((server) => server.key === key)) state.drained.delete(key);
    }
  }
  fitPools(state, license, state.settings!);
  sweep(state, ledgerLimits.endsPerCommandMax);
  state.events.push({ kind: 'licenseInstalled', licenseHash: command.licenseHash });
  return ok;
}

/** The licenses that a reload would put into force, as one; or why it would be rejected. */
export function installable(
  state: LedgerState,
  texts: Pick<InstallCommand, 'license' | 'others'>,
): License | Extract<LedgerReply, { kind: 'rejected' }> {
  const license = readLicenses(texts);
  if (license instanceof LicError) return rejected(license.code, license.message);
  if (versionOf(license, texts) > state.version) return rejectTerms(state.version);
  const inForce = state.license!;
  if (license.vendor !== inForce.vendor)
    return rejected('OTHER_VENDOR', `The license in force is by ${inForce.vendor}, this one by ${license.vendor}.`);
  if (!mayExchange(state, serverChanges(inForce, license)))
    return rejected(
      'ONE_SERVER_AT_A_TIME',
      'The license names more than one other server key than the one in force: exchange one server after the other.',
    );
  return license;
}

/** One server for another; none at all before there was a rule for it. */
function mayExchange({ version }: LedgerState, changes: ServerChanges): boolean {
  return version < exchangeVersion ? changes.added.length + changes.removed.length === 0 : isOneServerAtMost(changes);
}

export function applyDrain(state: LedgerState, { server, on }: DrainCommand): LedgerReply {
  if (!state.license!.servers.some(({ key }) => key === server))
    return rejected('UNKNOWN_SERVER', `The license in force names no server with the key ${server}.`);
  if (state.drained.has(server) === on) return ok;
  if (on) state.drained.add(server);
  else state.drained.delete(server);
  state.events.push({ kind: 'drainChanged', server, on });
  return ok;
}

export function applyRaiseVersion(state: LedgerState, { ledgerVersion }: RaiseVersionCommand): LedgerReply {
  if (!knowsVersion(state.known, ledgerVersion)) return rejectVersion(state, ledgerVersion);
  if (ledgerVersion <= state.version)
    return rejected('VERSION_IN_FORCE', `Ledger version ${state.version} is in force: it only ever rises.`);
  state.version = ledgerVersion;
  return ok;
}

// `prepare` has verified the text; this makes sure that `apply` never throws, whatever the log holds.
function readLicenses({ license, others = [] }: Pick<InstallCommand, 'license' | 'others'>): License | LicError {
  try {
    return combineLicenses([license, ...others].map((text) => parseLicense(text)));
  } catch (error) {
    if (error instanceof LicError) return error;
    throw error;
  }
}

function rejectVersion({ known: { min, max } }: LedgerState, version: number): LedgerReply {
  return rejected('LEDGER_VERSION', `Ledger version ${version} is not known here, only ${min} to ${max}.`);
}

function versionOf(license: License, { others = [] }: Pick<InstallCommand, 'others'>): number {
  return others.length > 0 ? termsVersion : versionOfTerms(license);
}

function rejectTerms(version: number) {
  return rejected(
    'LEDGER_VERSION',
    `Ledger version ${version} is in force, and the license has terms of a later one: bring all servers up to date first.`,
  );
}
