import { hostname, userInfo } from 'node:os';
import { type DenialCode, type DenialCodeEntry, denialCodes } from '@lic/core';
import { isLicError } from '@lic/interfaces';
import { denialSchema } from '@lic/protocol';
import { runtime } from '@lic/runtime';
import { denialLines } from '../output/denial.ts';
import { plain, print, style } from '../output/print.ts';
import { askAdmin } from '../servers/ask.ts';
import { resolveAccess, resolveServers } from '../servers/server-list.ts';
import { usageErrorCodes } from '../usage-error.ts';
import type { AdminOptions } from './admin.ts';
import { type SeatOptions, seatsAskedFor } from './seat-options.ts';

/** Options of `lic explain`. */
export interface ExplainOptions extends AdminOptions, SeatOptions {
  /** Default: who runs this, on this machine. */
  readonly user?: string;
  readonly host?: string;
  readonly project?: string;
  readonly product?: string;
  readonly address?: string;
}

/** `lic explain CODE`: a code of a denial. `lic explain FEATURE…`: what a checkout would come to; exit code 1 where it would be denied. */
export function explain([first = '', ...others]: readonly string[], options: ExplainOptions): Promise<number> {
  return others.length === 0 && Object.hasOwn(denialCodes, first)
    ? Promise.resolve(explainCode(first as DenialCode, options))
    : explainCheckout([first, ...others], options);
}

function explainCode(code: DenialCode, { json }: ExplainOptions): number {
  const { source, field, explanation }: DenialCodeEntry = denialCodes[code];
  if (json === true) print(JSON.stringify({ code, source, field: field ?? null, explanation }));
  else {
    const of = source === 'server' ? 'the servers' : `the ${source}`;
    print(`${style('bold', code)}: ${explanation}`);
    print(`Decided by ${of}${field === undefined ? '' : ` (${field})`}.`);
  }
  return 0;
}

async function explainCheckout(
  [feature, ...others]: readonly [string, ...string[]],
  options: ExplainOptions,
): Promise<number> {
  const { user = userInfo().username, host = hostname(), project, product, address, json } = options;
  const seats = seatsAskedFor(options);
  const request = {
    verb: 'explain' as const,
    feature,
    ...seats,
    ...(others.length === 0 ? {} : { more: others.map((name) => ({ feature: name, ...seats })) }),
    user,
    host,
    ...(project === undefined ? {} : { project }),
    ...(product === undefined ? {} : { product }),
    ...(address === undefined ? {} : { address }),
  };
  try {
    const answer = await askAdmin(await resolveServers(options), await resolveAccess(options), request);
    const { message, result } = answer;
    const { granted, ...facts } = result;
    const denial = granted === true ? undefined : denialSchema.parse(facts);
    if (json === true) print(JSON.stringify({ ok: true, message, ...result }));
    else if (denial === undefined) print(plain(message));
    else {
      print(`${style('red', 'Denied')} ${denial.code}: ${plain(message)}`);
      for (const line of denialLines(denial, runtime.now())) print(`  ${line}`);
    }
    return denial === undefined ? 0 : 1;
  } catch (error) {
    if (json !== true || !isLicError(error) || usageErrorCodes.has(error.code)) throw error;
    const { code, message, details } = error;
    print(JSON.stringify({ ok: false, code, message, details }));
    return 1;
  }
}
