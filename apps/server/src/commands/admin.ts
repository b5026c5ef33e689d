import { readFile } from 'node:fs/promises';
import { errorMessage } from '@lic/interfaces';
import type { AdminRequest } from '@lic/protocol';
import { print } from '../output/print.ts';
import { askAdmin } from '../servers/ask.ts';
import { resolveServers, resolveTrust, type ServerListOptions } from '../servers/server-list.ts';
import { usageError } from '../usage-error.ts';

/** Options of every administrative verb. */
export type AdminOptions = ServerListOptions & { readonly json?: boolean };

/** Carries a verb out and prints what came of it. */
export async function admin(request: AdminRequest, options: AdminOptions): Promise<number> {
  const servers = await resolveServers(options);
  const { message, result } = await askAdmin(servers, await resolveTrust(options), request);
  if (options.json === true) print(JSON.stringify({ ok: true, message, ...result }));
  else print(message);
  return 0;
}

/** `lic reload [FILE]`: the license in FILE, else the file of the server that is asked. */
export async function reload(file: string | undefined, options: AdminOptions): Promise<number> {
  if (file === undefined) return admin({ verb: 'reload' }, options);
  const license = await readFile(file, 'utf8').catch((error: unknown) => {
    throw usageError(`The license ${file} can't be read: ${errorMessage(error)}`);
  });
  return admin({ verb: 'reload', license }, options);
}
