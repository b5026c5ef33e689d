import { type AdminResult, connectTo, type ServerConnection } from '@lic/client';
import { errorCode, errorMessage, isLicError, LicError } from '@lic/interfaces';
import type { AdminRequest, StatusReport } from '@lic/protocol';
import type { Access, KnownServer } from './server-list.ts';

/** A server that is up answers a dial within this, ms. */
const connectTimeoutMs = 2_000;
/** An administrative verb may wait for a quorum, a handover or a license check of all servers, ms. */
const adminTimeoutMs = 15_000;

function connect(server: KnownServer, access: Access): Promise<ServerConnection> {
  return connectTo(server.address, { ...access, connectTimeoutMs, answerTimeoutMs: adminTimeoutMs, agent: 'lic' });
}

/** What asking one server for a report came to. */
export type StatusAnswer =
  | { readonly server: KnownServer; readonly report: StatusReport; readonly isFull: boolean }
  | { readonly server: KnownServer; readonly error: unknown };

/** Asks all servers for a report at once. */
export function askStatus(servers: readonly KnownServer[], access: Access): Promise<readonly StatusAnswer[]> {
  return Promise.all(
    servers.map(async (server): Promise<StatusAnswer> => {
      try {
        await using connection = await connect(server, access);
        return { server, ...(await reportOf(connection, server.token)) };
      } catch (error) {
        return { server, error };
      }
    }),
  );
}

/** A token that is another server's shows nothing more here, and is no reason to go without a report. */
async function reportOf(connection: ServerConnection, token: string | undefined) {
  if (token === undefined) return { report: await connection.status(), isFull: false };
  try {
    return { report: await connection.status({ token }), isFull: true };
  } catch (error) {
    if (refusalCode(error) !== 'UNAUTHORIZED') throw error;
    return { report: await connection.status(), isFull: false };
  }
}

/** The best report among answers: one with a quorum, else of the highest term and index; with users and hosts, if any. */
export function bestReport(answers: readonly StatusAnswer[]): StatusReport | undefined {
  const given = answers.flatMap((answer) => ('report' in answer ? [answer] : []));
  const [best] = given.sort(
    ({ report: a, isFull: aFull }, { report: b, isFull: bFull }) =>
      Number(b.quorum) - Number(a.quorum) ||
      b.term - a.term ||
      (b.hashIndex ?? 0) - (a.hashIndex ?? 0) ||
      Number(bFull) - Number(aFull),
  );
  return best?.report;
}

/**
 * Sends an administrative request through the first server that can take it. Throws `UNAUTHORIZED` where no token fits,
 * else what the last server said.
 */
export async function askAdmin(
  servers: readonly KnownServer[],
  access: Access,
  request: AdminRequest,
): Promise<AdminResult> {
  const withToken = servers.filter(({ token }) => token !== undefined);
  if (withToken.length === 0) {
    throw new LicError(
      'UNAUTHORIZED',
      'Administrative verbs need the admin token of the server that is asked: say --token-file FILE (admin.token in its data folder), LIC_ADMIN_TOKEN, or --dir DIR for a triad on this machine.',
    );
  }
  let last: Attempt | undefined;
  for (const server of withToken) {
    const attempt = await tryAdmin(server, access, request);
    if ('result' in attempt) return attempt.result;
    // What a server may have begun is never sent to a second one: control would be handed over twice.
    if (attempt.isSent && !refusedUnrun.has(refusalCode(attempt.error) ?? '')) throw unwrapped(attempt.error);
    // A refusal says more than a server that could not be reached.
    if (attempt.isSent || last?.isSent !== true) last = attempt;
  }
  throw unwrapped(last?.error);
}

type Attempt = { readonly isSent: boolean; readonly error: unknown };

/** Asks one server. A function of its own: a lowered `await using` in a loop keeps the error of the round before. */
async function tryAdmin(
  server: KnownServer,
  access: Access,
  request: AdminRequest,
): Promise<Attempt | { readonly result: AdminResult }> {
  let isSent = false;
  try {
    await using connection = await connect(server, access);
    isSent = true;
    return { result: await connection.admin(request, server.token ?? '') };
  } catch (error) {
    return { isSent, error };
  }
}

/** Refusals of servers that surely carried nothing out; another server may. */
const refusedUnrun: ReadonlySet<string> = new Set(['UNAUTHORIZED', 'NOT_READY', 'NOT_IN_CONTROL', 'NO_QUORUM']);

/** The server's code where it refused; undefined where it was not reached. */
function refusalCode(error: unknown): string | undefined {
  const code = isLicError(error, 'REFUSED') ? error.details['code'] : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** A server's refusal under the server's own code. */
function unwrapped(error: unknown): unknown {
  const code = refusalCode(error);
  if (code === undefined || !isLicError(error)) return error;
  const { code: _, ...details } = error.details;
  return new LicError(code, errorMessage(error), { cause: error, details });
}

/** An error as a status shows it: its sentence, and its code for the docs. */
export function describeFailure(error: unknown): string {
  return `${errorMessage(error)} (${errorCode(error)})`;
}
