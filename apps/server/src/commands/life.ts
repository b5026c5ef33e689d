import type { AdminRequest, StatusReport } from '@lic/protocol';
import { print, printError, style } from '../output/print.ts';
import { askStatus, bestReport } from '../servers/ask.ts';
import { type KnownServer, resolveAccess, resolveServers } from '../servers/server-list.ts';
import { usageError } from '../usage-error.ts';
import { type AdminOptions, administer } from './admin.ts';

/** Options of `lic recover`. */
export interface RecoverOptions extends AdminOptions {
  readonly yes?: boolean;
  /** `true`: the process that is asked; else a boot id. */
  readonly keep?: true | string;
}

/** `lic repair [SERVER]`: without one, the server that is in trouble, where it is one. */
export async function repair(server: string | undefined, options: AdminOptions): Promise<number> {
  const meant = server ?? (await inTrouble(options));
  return send({ verb: 'repair' }, meant, options);
}

/** `lic form`. */
export function form(options: AdminOptions): Promise<number> {
  return send({ verb: 'form' }, undefined, options);
}

/** `lic recover [SERVER]`: without `--yes` it says what follows from it, and does nothing. */
export async function recover(server: string | undefined, options: RecoverOptions): Promise<number> {
  const { keep, yes } = options;
  if (keep !== undefined) return send({ verb: 'recover', keep }, server, options);
  const meant = server ?? (await theOnlyOne(options));
  if (yes === true) return send({ verb: 'recover' }, meant, options);
  if (options.json === true) print(JSON.stringify({ ok: false, code: 'NOT_CONFIRMED', server: meant, consequences }));
  printError(style('bold', `${meant} would go on alone, as a triad of its own:`, process.stderr));
  for (const consequence of consequences) printError(`  - ${consequence}`);
  printError('If that is what you want: the same again with --yes.');
  return 2;
}

const consequences = [
  'What only the other servers knew is lost: seats that they granted may be in use, sessions of theirs are ended (reason recovered).',
  'Nothing is granted until one longest hold has passed, so that no seat is sold twice.',
  'What the log of a damaged data folder held behind the damage is lost.',
  'The other servers come back with empty data folders only. One that comes with its old folder is refused, and says so.',
] as const;

/** The server that is named is asked itself where it is known: another one may not reach it. */
async function send(
  request: Extract<AdminRequest, { verb: 'repair' | 'form' | 'recover' }>,
  server: string | undefined,
  options: AdminOptions,
): Promise<number> {
  const servers = await resolveServers(options);
  const isMeant = ({ name, rank }: KnownServer): boolean => server === name || server === String(rank);
  const ordered = [...servers].sort((a, b) => Number(isMeant(b)) - Number(isMeant(a)));
  const complete = request.verb === 'form' || server === undefined ? request : { ...request, server };
  return administer(ordered, complete, options);
}

async function inTrouble(options: AdminOptions): Promise<string | undefined> {
  const troubled = (await known(options)).filter(({ trouble }) => trouble !== undefined);
  if (troubled.length > 1) throw usageError(`Say which server: ${listed(troubled)}.`);
  return troubled[0]?.name;
}

/** Which one goes on is not to be guessed. */
async function theOnlyOne(options: AdminOptions): Promise<string> {
  const reachable = (await known(options)).filter(({ state }) => state !== 'unreachable');
  const [first, ...more] = reachable;
  if (first === undefined) throw usageError('No server could be reached: start the one that is to go on.');
  if (more.length > 0) throw usageError(`Say which server is to go on: ${listed(reachable)}.`);
  return first.name;
}

/** The servers as each says of itself: without a quorum the report of one leaves out what it can't reach. */
async function known(options: AdminOptions): Promise<StatusReport['servers']> {
  const answers = await askStatus(await resolveServers(options), await resolveAccess(options));
  const reports = answers.flatMap((answer) => ('report' in answer ? [answer.report] : []));
  const best = bestReport(answers)?.servers ?? [];
  return best.map(
    (server) =>
      reports
        .flatMap(({ servers }) => servers)
        .find(({ name, state }) => name === server.name && state !== 'unreachable') ?? server,
  );
}

function listed(servers: StatusReport['servers']): string {
  return servers
    .map(({ name, state, trouble }) => `${name} (${trouble === undefined ? state : `${state}: ${trouble}`})`)
    .join(', ');
}
