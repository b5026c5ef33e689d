import { connectTo, type ServerConnection, type TrustOptions } from '@lic/client';
import { errorCode, errorMessage, isLicError, LicError } from '@lic/interfaces';
import type { AdminRequest, StatusReport } from '@lic/protocol';
import { cliTransports, type KnownServer } from './server-list.ts';

/** A server that is up answers a dial within this, ms. */
const connectTimeoutMs = 2_000;

function connect(server: KnownServer, trust: TrustOptions): Promise<ServerConnection> {
  return connectTo(server.address, { ...trust, transports: cliTransports, connectTimeoutMs, agent: 'lic' });
}

/** What asking one server for a report came to. */
export type StatusAnswer =
  | { readonly server: KnownServer; readonly report: StatusReport }
  | { readonly server: KnownServer; readonly error: unknown };

/** Asks all servers for a report at once. */
export function askStatus(servers: readonly KnownServer[], trust: TrustOptions): Promise<readonly StatusAnswer[]> {
  return Promise.all(
    servers.map(async (server) => {
      try {
        await using connection = await connect(server, trust);
        return { server, report: await connection.status(server.token === undefined ? {} : { token: server.token }) };
      } catch (error) {
        return { server, error };
      }
    }),
  );
}

/** The best report among answers: one with a quorum, else the one of the highest term and index. */
export function bestReport(answers: readonly StatusAnswer[]): StatusReport | undefined {
  const reports = answers.flatMap((answer) => ('report' in answer ? [answer.report] : []));
  return reports.sort(
    (a, b) => Number(b.quorum) - Number(a.quorum) || b.term - a.term || (b.hashIndex ?? 0) - (a.hashIndex ?? 0),
  )[0];
}

/** Sends an administrative request through the first server that can take it. Throws what the last one said. */
export async function askAdmin(servers: readonly KnownServer[], trust: TrustOptions, request: AdminRequest) {
  const withToken = servers.filter(({ token }) => token !== undefined);
  if (withToken.length === 0) {
    throw new LicError(
      'UNAUTHORIZED',
      'Administrative verbs need the admin token of the server that is asked: say --token-file FILE (admin.token in its data folder), LIC_ADMIN_TOKEN, or --dir DIR for a triad on this machine.',
    );
  }
  let last: unknown;
  for (const server of withToken) {
    try {
      await using connection = await connect(server, trust);
      return await connection.admin(request, server.token ?? '');
    } catch (error) {
      last = error;
      if (!isUnreachable(error)) throw plain(error);
    }
  }
  throw plain(last);
}

/** Whether another server may do what this one did not. */
function isUnreachable(error: unknown): boolean {
  return ['DIAL_REFUSED', 'DIAL_TIMEOUT', 'DIAL_FAILED', 'TIMEOUT', 'HANDSHAKE_FAILED'].includes(errorCode(error));
}

/** A server's refusal under the server's own code. */
function plain(error: unknown): unknown {
  const code = isLicError(error, 'REFUSED') ? error.details['code'] : undefined;
  return typeof code === 'string' ? new LicError(code, errorMessage(error), { cause: error }) : error;
}
