import { readdir } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { type Borrowed, createClient, isDenialError, openBorrow } from '@lic/client';
import { fileBorrowStore } from '@lic/client/node';
import { errorCode, isLicError } from '@lic/interfaces';
import { protocolLimits } from '@lic/protocol';
import { runtime } from '@lic/runtime';
import { parseDurationMs } from '../config/duration.ts';
import { denialLines } from '../output/denial.ts';
import { plain, print, printError, printTable, style } from '../output/print.ts';
import { clientOptions, resolveAccess, type ServerListOptions } from '../servers/server-list.ts';
import { usageError, usageErrorCodes } from '../usage-error.ts';
import { admin } from './admin.ts';
import { type SeatOptions, seatsAskedFor } from './seat-options.ts';

/** Where a borrow is kept: `--file`, else by its feature's name in the folder for borrows. */
export interface BorrowPlace extends ServerListOptions {
  readonly file?: string;
  readonly json?: boolean;
}

/** Options of `lic borrow`. */
export interface BorrowCliOptions extends BorrowPlace, Omit<SeatOptions, 'countMin' | 'shareKey'> {
  readonly for?: string;
  readonly until?: string;
  readonly present?: boolean;
}

const suffix = '.borrow';

/** `lic borrow FEATURE`: takes seats for use off line, or shows them to the servers again. `lic borrow`: what is borrowed here. */
export function borrow(feature: string | undefined, options: BorrowCliOptions): Promise<number> {
  if (feature === undefined) return list(options);
  return attempt(options, () => (options.present === true ? present(feature, options) : take(feature, options)));
}

/** `lic return FEATURE`: gives back what is kept here; with the id of a report (`b12`), a borrow whose machine is gone. */
export function giveBack(what: string, options: BorrowPlace): Promise<number> {
  if (/^b[1-9]\d*$/.test(what) && options.file === undefined) return admin({ verb: 'return', borrow: what }, options);
  return attempt(options, async () => {
    const store = fileBorrowStore(placeOf(what, options));
    if ((await store.load()) === undefined) throw usageError(`Nothing is borrowed in ${placeOf(what, options)}.`);
    await using client = createClient(await clientOptions(options));
    await client.returnBorrow(store);
    say(options, { returned: true }, `Returned: the seats of ${plain(what)} are free.`);
  });
}

async function take(feature: string, options: BorrowCliOptions): Promise<void> {
  const seats = seatsAskedFor(options);
  const file = placeOf(feature, options);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort(new Error(signal)));
  await using client = createClient(await clientOptions(options));
  const { signal } = interrupted;
  const borrowed = await client.borrow(feature, { ...seats, ...endOf(options), store: fileBorrowStore(file), signal });
  const { count, version, untilMs } = borrowed;
  say(
    options,
    { borrowed: true, ...factsOf(borrowed), file },
    `${style('green', 'Borrowed')} ${count} seat${count === 1 ? '' : 's'} of ${plain(feature)} ${version} until ${instant(untilMs)}, on this machine.`,
  );
  if (options.json !== true) {
    print(`Kept in ${file}.`);
    print(`lic return ${plain(feature)} gives ${count === 1 ? 'it' : 'them'} back.`);
  }
}

async function present(feature: string, options: BorrowCliOptions): Promise<void> {
  await using client = createClient(await clientOptions(options));
  await client.presentBorrow(fileBorrowStore(placeOf(feature, options)));
  say(options, { presented: true }, `The servers count the borrowed seats of ${plain(feature)}.`);
}

function endOf(options: BorrowCliOptions): { readonly for: number } | { readonly until: Date } {
  const { for: duration, until } = options;
  if ((duration === undefined) === (until === undefined))
    throw usageError('For how long? Say either --for 5d, or --until 2026-12-24T18:00Z.');
  if (duration !== undefined) {
    const ms = parseDurationMs(duration);
    if (ms !== undefined && ms >= 1 && ms <= protocolLimits.borrowMsMax) return { for: ms };
    throw usageError(`--for ${duration} is no duration: expected for example 8h or 5d, at most 366d.`);
  }
  const date = new Date(until ?? '');
  if (!Number.isNaN(date.getTime())) return { until: date };
  throw usageError(`--until ${until} is no time: expected for example 2026-12-24T18:00Z.`);
}

/** What is kept in the folder, as each product would find it off line. Exit code 1: some of it is of no use. */
async function list(options: BorrowCliOptions): Promise<number> {
  const { vendorKey } = await resolveAccess(options);
  if (vendorKey === undefined)
    throw usageError("Without the vendor's key no borrow can be checked: say --vendor-key KEY, or LIC_VENDOR_KEY.");
  const files = options.file === undefined ? await filesIn(folder()) : [options.file];
  const rows = [];
  for (const file of files) rows.push({ file, ...(await look(file, vendorKey)) });
  if (options.json === true)
    print(
      JSON.stringify({
        borrows: rows.map(({ file, borrowed, trouble }) => ({
          file,
          ...(borrowed === undefined ? {} : factsOf(borrowed)),
          ...(trouble === undefined ? {} : { code: trouble.code, message: trouble.message }),
        })),
      }),
    );
  else if (rows.length === 0) print(`Nothing is borrowed in ${folder()}.`);
  else
    printTable(
      ['FEATURE', 'VERSION', 'SEATS', 'UNTIL', 'LEFT'],
      rows.map(({ file, borrowed, trouble }) =>
        borrowed === undefined
          ? [plain(file), '', '', '', style('red', trouble?.code ?? '')]
          : [
              plain(borrowed.feature),
              plain(borrowed.version),
              String(borrowed.count),
              instant(borrowed.untilMs),
              left(borrowed.untilMs - runtime.now()),
            ],
      ),
    );
  return rows.some(({ trouble }) => trouble !== undefined) ? 1 : 0;
}

async function look(file: string, vendorKey: string) {
  try {
    await using open = await openBorrow({ store: fileBorrowStore(file), vendorKey, host: hostname() });
    return { borrowed: open.borrow };
  } catch (error) {
    if (!isLicError(error)) throw error;
    return { trouble: error };
  }
}

async function filesIn(path: string): Promise<readonly string[]> {
  const names = await readdir(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(path, name))
    .sort();
}

/** `LIC_BORROWS`, else beside the other data of this user. */
function folder(): string {
  const said = process.env['LIC_BORROWS'];
  if (said !== undefined && said !== '') return said;
  const data = process.platform === 'win32' ? process.env['LOCALAPPDATA'] : process.env['XDG_DATA_HOME'];
  return join(data || join(homedir(), '.local', 'share'), 'lic', 'borrows');
}

function placeOf(feature: string, { file }: BorrowPlace): string {
  return file ?? join(folder(), `${encodeURIComponent(feature)}${suffix}`);
}

/** Runs a deed of the client and says what it came to: exit code 1 where the servers, or what is kept here, did not let it. */
async function attempt(options: BorrowPlace, deed: () => Promise<void>): Promise<number> {
  try {
    await deed();
    return 0;
  } catch (error) {
    if (!isLicError(error) || usageErrorCodes.has(error.code)) throw error;
    const denial = isDenialError(error) ? error.denial : undefined;
    if (options.json === true) {
      print(JSON.stringify({ ok: false, ...(denial ?? { code: error.code, message: error.message }) }));
      return 1;
    }
    const word = denial === undefined ? 'Failed' : 'Denied';
    printError(`${style('red', word, process.stderr)} ${error.code}: ${plain(error.message)}`);
    if (denial !== undefined) for (const line of denialLines(denial, runtime.now())) printError(`  ${line}`);
    return 1;
  }
}

function say({ json }: BorrowPlace, facts: object, sentence: string): void {
  print(json === true ? JSON.stringify({ ok: true, ...facts }) : sentence);
}

function factsOf({ feature, version, count, user, host, sinceMs, untilMs }: Borrowed) {
  const [since, until] = [new Date(sinceMs).toISOString(), new Date(untilMs).toISOString()];
  return { feature, version, count, user, host, since, until };
}

function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function left(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
