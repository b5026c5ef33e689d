import type { Failure } from './outputs.ts';
import type { ServerLinks } from './server-links.ts';

/** Failures that another server or another second does not mend, so that nobody need wait for them. */
const hopeless = ['SERVER_NOT_TRUSTED', 'PROTOCOL_UNSUPPORTED'] as const;

/** The failure of every address alike for which waiting is in vain, or undefined. */
export function hopelessFailure(links: ServerLinks): Failure | undefined {
  const code = hopeless.find((candidate) => links.haveAllFailedWith(candidate));
  if (code === undefined) return undefined;
  const servers = links.failures();
  return { code, message: servers[0]?.message ?? code, details: { servers } };
}

/** Why no server in control answered: what was reached and what it said of itself. */
export function noControlFailure(links: ServerLinks, waitedMs: number): Failure {
  const hopelessOne = hopelessFailure(links);
  if (hopelessOne !== undefined) return hopelessOne;
  const reached = [...links.all()].map(({ server, state }) => `${server.name} is ${state}`);
  const servers = links.failures();
  if (reached.length > 0) {
    return {
      code: 'NO_QUORUM',
      message:
        `No server was in control within ${waitedMs / 1000} s (${reached.join(', ')}). Two of three servers must reach each ` +
        'other before anything new is granted; what is held stays held. See lic status, then try again.',
      details: { servers: [...links.all()].map(({ server, state }) => ({ name: server.name, state })) },
    };
  }
  const tried = servers.map(({ address, message }) => `${address}: ${message}`);
  return {
    code: 'NO_SERVER',
    message:
      `No license server could be reached within ${waitedMs / 1000} s. Check the addresses and the network, then try again.` +
      (tried.length === 0 ? '' : ` Tried ${tried.join('; ')}`),
    details: { servers },
  };
}
