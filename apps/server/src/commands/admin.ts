import { isLicError } from '@lic/interfaces';
import type { AdminRequest } from '@lic/protocol';
import { plain, print, printTable, style } from '../output/print.ts';
import { askAdmin } from '../servers/ask.ts';
import { type KnownServer, resolveAccess, resolveServers, type ServerListOptions } from '../servers/server-list.ts';
import { readLicenses } from '../triad/folder-license.ts';
import { usageError, usageErrorCodes } from '../usage-error.ts';

/** Options of every administrative verb. */
export type AdminOptions = ServerListOptions & { readonly json?: boolean };

type Result = Readonly<Record<string, unknown>>;

/** Carries a verb out and prints what came of it; `show` prints facts that the sentence leaves out. */
export async function admin(
  request: AdminRequest,
  options: AdminOptions,
  show: (result: Result) => void = () => {},
): Promise<number> {
  return administer(await resolveServers(options), request, options, show);
}

/** As {@link admin}, asking these servers in this order. */
export async function administer(
  servers: readonly KnownServer[],
  request: AdminRequest,
  options: AdminOptions,
  show: (result: Result) => void = () => {},
): Promise<number> {
  const access = await resolveAccess(options);
  try {
    const { message, result } = await askAdmin(servers, access, request);
    if (options.json === true) print(JSON.stringify({ ok: true, message, ...result }));
    else {
      print(plain(message));
      show(result);
    }
    return 0;
  } catch (error) {
    if (options.json !== true || !isLicError(error) || usageErrorCodes.has(error.code)) throw error;
    const { code, message, details } = error;
    print(JSON.stringify({ ok: false, code, message, details }));
    return 1;
  }
}

/** Options of `lic reload`. */
export type ReloadOptions = AdminOptions & { readonly dryRun?: boolean };

/** `lic reload [FILE…]`: the licenses in the files, else in the file of the server that is asked. They take the place of all in force. */
export async function reload(files: readonly string[], { dryRun, ...options }: ReloadOptions): Promise<number> {
  return admin(
    {
      verb: 'reload',
      ...(files.length === 0 ? {} : { license: await readLicenses(files) }),
      ...(dryRun === true ? { dryRun } : {}),
    },
    options,
    showPreview,
  );
}

interface PoolFacts {
  readonly feature: string;
  readonly version: string;
  readonly before: number | string;
  readonly after: number | string;
  readonly inUse: number;
  readonly over: number;
  readonly ends?: boolean;
  readonly inGrace?: boolean;
}

interface HolderFacts {
  readonly feature: string;
  readonly version: string;
  readonly user: string;
  readonly host: string;
  readonly count: number;
}

function remarkOn({ over, ends, inGrace }: PoolFacts): string {
  if (ends === true) return style('red', 'its grants end');
  if (over > 0) return style('yellow', `${over} too many in use`);
  return inGrace === true ? style('yellow', 'past its end, in its days of grace') : '';
}

/** What a dry run would change. */
function showPreview({ dryRun, pools, holders, ...ids }: Result): void {
  if (dryRun !== true || !Array.isArray(pools) || !Array.isArray(holders)) return;
  for (const what of ['added', 'replaced', 'removed']) {
    const list = ids[what];
    if (Array.isArray(list) && list.length > 0) print(`Licenses ${what}: ${plain(list.join(', '))}`);
  }
  if (pools.length === 0) {
    print('No pool has other seats than before.');
    return;
  }
  print('');
  printTable(
    ['FEATURE', 'VERSION', 'SEATS', 'AFTER', 'IN USE', ''],
    (pools as PoolFacts[]).map((pool) => [
      plain(pool.feature),
      plain(pool.version),
      String(pool.before),
      String(pool.after),
      String(pool.inUse),
      remarkOn(pool),
    ]),
  );
  for (const { feature, version, user, host, count } of holders as HolderFacts[])
    print(`  ${plain(user)}@${plain(host)} holds ${count} of ${plain(feature)} ${plain(version)}`);
}

/** Options of `lic remove`. */
export interface RemoveOptions extends ServerListOptions {
  readonly json?: boolean;
  readonly session?: string;
  readonly user?: string;
  readonly host?: string;
  readonly reason: string;
}

/** `lic remove`: all grants of a session, or of a user, a host, or a user on a host. */
export async function remove({ session, user, host, reason, ...options }: RemoveOptions): Promise<number> {
  if (session !== undefined && (user ?? host) !== undefined)
    throw usageError('Say either --session, or --user and --host: a session has one user on one host.');
  const at = host === undefined ? {} : { host };
  if (session !== undefined) return admin({ verb: 'remove', holder: { session }, reason }, options);
  if (user !== undefined) return admin({ verb: 'remove', holder: { user, ...at }, reason }, options);
  if (host !== undefined) return admin({ verb: 'remove', holder: { host }, reason }, options);
  throw usageError('Whose grants? Say --session ID, --user USER, --host HOST, or --user and --host together.');
}

/** `lic time [accept]`. */
export function time(accept: 'accept' | undefined, options: AdminOptions): Promise<number> {
  return accept === undefined ? admin({ verb: 'time' }, options, showClocks) : admin({ verb: 'timeAccept' }, options);
}

interface ClockFacts {
  readonly server: string;
  readonly offsetMs: number;
  readonly alarm: boolean;
}

/** Offsets are from the clock of the server in control. License time is what was applied last: it moves with the log. */
function showClocks({ clocks, agreed }: Result): void {
  if (!Array.isArray(clocks)) return;
  print(`The clocks agree on ${String(agreed)}.`);
  print('');
  printTable(
    ['SERVER', 'CLOCK', 'ALARM'],
    (clocks as ClockFacts[]).map(({ server, offsetMs, alarm }) => [
      plain(server),
      `${offsetMs >= 0 ? '+' : ''}${offsetMs} ms`,
      alarm ? style('red', 'yes') : 'no',
    ]),
  );
}
