import { readFile } from 'node:fs/promises';
import { errorMessage } from '@lic/interfaces';
import { plain, print } from '../output/print.ts';
import { usageError } from '../usage-error.ts';
import { type AdminOptions, admin } from './admin.ts';

/** Who asks, as `lic policy explain` is told. */
export type ExplainPolicyOptions = AdminOptions & {
  readonly host?: string;
  readonly display?: string;
  readonly address?: string;
  readonly project?: string;
  readonly product?: string;
};

/** `lic policy check FILE`: what would change, who would be denied now. */
export async function checkPolicy(file: string, options: AdminOptions): Promise<number> {
  return admin({ verb: 'policyCheck', text: await read(file) }, options, showLines);
}

/** `lic policy apply FILE`. */
export async function applyPolicy(file: string, options: AdminOptions): Promise<number> {
  return admin({ verb: 'policyApply', text: await read(file) }, options, showLines);
}

/** `lic policy show`. */
export function showPolicy(options: AdminOptions): Promise<number> {
  return admin({ verb: 'policyShow' }, options, showLines);
}

/** `lic policy explain USER FEATURE`. */
export function explainPolicy(user: string, feature: string, options: ExplainPolicyOptions): Promise<number> {
  const { host, display, address, project, product } = options;
  const known = Object.entries({ host, display, address, project, product }).filter(([, value]) => value !== undefined);
  return admin({ verb: 'policyExplain', user, feature, ...Object.fromEntries(known) }, options, showLines);
}

function showLines({ lines }: Readonly<Record<string, unknown>>): void {
  if (Array.isArray(lines)) for (const line of lines) print(plain(String(line)));
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw usageError(`The policy ${file} can't be read: ${errorMessage(error)}`);
  });
}
