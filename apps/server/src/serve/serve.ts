import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { fileLogStore, raft } from '@lic/consensus';
import { ed25519Scheme } from '@lic/core';
import { errorMessage, type Logger, type TransportFactory } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { createServer, type Server } from '@lic/server-app';
import { tcp } from '@lic/transport-tcp';
import { ws } from '@lic/transport-ws';
import { type ServerConfig, settingsOf, timingOf } from '../config/server-config.ts';
import { readIdentity, readVendorKey } from '../keys/key-files.ts';
import { productVersion } from '../product-version.ts';
import { usageError } from '../usage-error.ts';
import { loadOrMakeAdminToken } from './admin-token.ts';
import { licenseFiles } from './license-file.ts';

/** Composes the server that a configuration describes: here, and only here, the plug-ins are picked. */
export async function composeServer(
  config: ServerConfig,
  options: { readonly isNew: boolean; readonly logger: Logger },
): Promise<Server> {
  const { license, vendorKey, identity, data } = config;
  const transports = await transportsOf(config);
  await usable('vendorKey', vendorKey, "the vendor's public key, or its file", readVendorKey(vendorKey));
  // A log has its license in itself: the file seeds a first start only, so a missing one is for the server to judge.
  return createServer({
    runtime,
    logger: options.logger,
    transports,
    consensus: raft(config.snapshotEntries === undefined ? {} : { snapshotEntries: config.snapshotEntries }),
    store: fileLogStore({ directory: join(data, 'log'), runtime }),
    scheme: ed25519Scheme,
    identity: await usable('identity', identity, 'a key file made by lic identity', readIdentity(identity)),
    vendorKey: await readVendorKey(vendorKey),
    ...licenseFiles(license),
    listen: config.listen,
    ...(config.servers === undefined ? {} : { servers: config.servers }),
    isNew: options.isNew,
    adminToken: await usable('data', data, 'a folder that this server may write to', loadOrMakeAdminToken(data)),
    timing: timingOf(config.profile),
    settings: settingsOf(config),
    failback: config.failback,
    ...(config.failbackAfter === undefined ? {} : { failbackAfterMs: config.failbackAfter }),
    pid: process.pid,
    version: productVersion,
  });
}

/** A file or folder that the configuration names. Throws `CONFIG_INVALID` naming the key, the value and what was expected. */
async function usable<Value>(key: string, value: string, expected: string, reading: Promise<Value>): Promise<Value> {
  return reading.catch((error: unknown) => {
    const what = `${key}: got ${JSON.stringify(value)}; expected ${expected}`;
    throw usageError(`The configuration can't be used:\n  ${what}: ${errorMessage(error)}`, 'CONFIG_INVALID');
  });
}

async function transportsOf({ tls }: ServerConfig): Promise<readonly TransportFactory[]> {
  if (tls === undefined) return [tcp(), ws()];
  const pem = (key: 'cert' | 'key' | 'ca', path: string): Promise<Buffer> =>
    usable(`tls.${key}`, path, 'a file in PEM', readFile(path));
  const cert = await pem('cert', tls.cert);
  const key = await pem('key', tls.key);
  const ca = tls.ca === undefined ? undefined : await pem('ca', tls.ca);
  const listen = { cert, key, minVersion: 'TLSv1.3' as const };
  await usable(
    'tls',
    tls.cert,
    'a certificate and its own private key',
    Promise.resolve(listen).then(createSecureContext),
  );
  const dial = ca === undefined ? {} : { ca };
  return [tcp({ tls: { listen, dial } }), ws({ tls: { listen, dial } })];
}

/** What ends a running server. */
export type StopReason = 'SIGTERM' | 'SIGINT' | 'parent';

/** A handover takes at most one election timeout; a server that is not done so long after that is ended, ms. */
const stopGraceMs = 5_000;

/** Runs a server until it is told to stop, then hands control over and ends it. Answers the exit code. */
export async function runServer(
  server: Server,
  options: { readonly logger: Logger; readonly stopped: Promise<StopReason>; readonly electionTimeoutMaxMs: number },
): Promise<number> {
  const { logger, stopped, electionTimeoutMaxMs } = options;
  const reason = await Promise.race([stopped, server.joined.then(() => stopped)]).catch((error: unknown) => {
    // It stays up and says why in `lic status`: an administrator finds more there than in a process that is gone.
    logger.error('this server takes no part; it stays up to say so', { reason: errorMessage(error) });
    return stopped;
  });
  logger.info('stopping', { reason });
  const limit = new Promise<'late'>((resolve) => {
    runtime.setTimer(electionTimeoutMaxMs + stopGraceMs, () => resolve('late'), { keepAlive: false });
  });
  const outcome = await Promise.race([server.stop(), limit]);
  if (outcome === 'late') logger.error('the server did not stop in time and is ended');
  return 0;
}
