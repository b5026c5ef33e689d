import { LicError } from '@lic/interfaces';
import { isPolicyDocument } from '../policy/check-document.ts';
import { policyLimits } from '../policy/document.ts';
import type { LedgerCommand } from './commands.ts';
import { ledgerLimits } from './limits.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A command as it stands in the log: JSON in UTF-8. */
export function encodeCommand(command: LedgerCommand): Uint8Array {
  return encoder.encode(JSON.stringify(command));
}

/**
 * Reads a command of the log. Throws `BAD_COMMAND` naming the field where it is none; fields of later versions are passed
 * over. Checked by hand and not by a schema, because this is on the path of every checkout on every server.
 */
export function decodeCommand(bytes: Uint8Array): LedgerCommand {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new LicError('BAD_COMMAND', 'The bytes in the log are no JSON text: another program wrote them.', { cause });
  }
  if (!isObject(value) || typeof value.kind !== 'string' || !Object.hasOwn(fieldsOf, value.kind))
    throw new LicError('BAD_COMMAND', 'The command in the log is of no kind that is known here.');
  const kind = value.kind as LedgerCommand['kind'];
  const field = findBad(value, stamped) ?? findBad(value, fieldsOf[kind]);
  if (field !== undefined)
    throw new LicError('BAD_COMMAND', `The command "${kind}" in the log has a bad or missing "${field}".`, {
      details: { kind, field },
    });
  return value as unknown as LedgerCommand;
}

type Check = (value: unknown) => boolean;
type Fields = readonly (readonly [name: string, check: Check])[];

const isCountable: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 1;
const isEpoch: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isMs: Check = (value) => typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
const isNumber: Check = (value) => Number.isFinite(value);
const isBoolean: Check = (value) => typeof value === 'boolean';
const isId: Check = (value) => typeof value === 'string' && /^[A-Za-z0-9_-]{22}$/.test(value);
const isHash: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
// A half of a surrogate pair has no UTF-8: a state that holds one could not be restored.
const isText = (charsMax: number): Check => {
  return (value) => typeof value === 'string' && value.length <= charsMax && !/\p{Cs}/u.test(value);
};
const isName: Check = isText(ledgerLimits.nameCharsMax);
const isLicense: Check = isText(ledgerLimits.licenseCharsMax);
const isLicenses: Check = (value) =>
  Array.isArray(value) &&
  value.length <= ledgerLimits.otherLicensesMax &&
  value.every(isLicense) &&
  isLicense(value.join(''));
const isIds: Check = (value) =>
  Array.isArray(value) && value.length <= ledgerLimits.grantsPerCommandMax && value.every((id) => isName(id));
const maybe = (check: Check): Check => {
  return (value) => value === undefined || check(value);
};
const isOf = (fields: Fields): Check => {
  return (value) => isObject(value) && findBad(value, fields) === undefined;
};

const isSettings = isOf([
  ['leaseMs', (value) => isMs(value) && (value as number) > 0],
  ['drift', (value) => typeof value === 'number' && value >= 0 && value < 1],
  ['marginMs', isMs],
  ['allowShortLeases', isBoolean],
  ['borrowMarginMs', maybe(isMs)],
]);
const isOpening = isOf([
  ['secretHash', isHash],
  ['user', isName],
  ['host', isName],
  ['project', maybe(isName)],
  ['product', maybe(isName)],
]);

const stamped: Fields = [['at', isMs]];
const license: Fields = [
  ['license', isLicense],
  ['others', maybe(isLicenses)],
  ['licenseHash', isHash],
];
const request: Fields = [
  ['session', isId],
  ['seq', isCountable],
  ['awaited', isCountable],
  ['attempt', isCountable],
  ['epoch', isEpoch],
];

// What a person may have typed is checked at apply, and denied `INVALID_REQUEST` in words.
const item: Fields = [
  ['feature', isName],
  ['version', maybe(isName)],
  ['releasedAt', maybe(isName)],
  ['display', maybe(isName)],
  ['shareKey', maybe(isName)],
  ['count', isNumber],
  ['countMin', maybe(isNumber)],
];
const isItem = isOf(item);
const isItems: Check = (value) =>
  Array.isArray(value) && value.length < ledgerLimits.featuresPerCheckoutMax && value.every(isItem);

const fieldsOf: Readonly<Record<LedgerCommand['kind'], Fields>> = {
  open: [...license, ['settings', isSettings], ['isNew', isBoolean], ['ledgerVersion', isCountable]],
  opened: [],
  recover: [],
  install: license,
  checkout: [
    ...request,
    ...item,
    ['opening', maybe(isOpening)],
    ['address', maybe(isName)],
    ['more', maybe(isItems)],
    ['waitMs', maybe(isNumber)],
    ['pastQueue', maybe(isBoolean)],
    ['isHalted', maybe(isBoolean)],
  ],
  cancel: [...request, ['checkoutSeq', isCountable]],
  assign: [
    ['entry', isName],
    ['epoch', isEpoch],
  ],
  checkin: [...request, ['grant', isName]],
  resume: [
    ['session', isId],
    ['secretHash', isHash],
    ['epoch', isEpoch],
    ['request', isId],
    ['attempt', isCountable],
  ],
  goodbye: request,
  acknowledge: [...request, ['grants', isIds]],
  reclaim: [
    ['session', isId],
    ['silentMs', isMs],
  ],
  settle: [['grants', isIds]],
  disconnect: [
    ['session', isId],
    ['epoch', isEpoch],
  ],
  revoke: [
    ['grants', isIds],
    ['reason', isText(ledgerLimits.noteCharsMax)],
    ['as', maybe((value) => value === 'removed' || value === 'idle')],
  ],
  policy: [
    ['text', isText(policyLimits.charsMax)],
    ['document', isPolicyDocument],
  ],
  borrow: [
    ...request,
    ['opening', maybe(isOpening)],
    ['borrow', isId],
    ['feature', isName],
    ['version', maybe(isName)],
    ['releasedAt', maybe(isName)],
    ['display', maybe(isName)],
    ['address', maybe(isName)],
    ['count', isNumber],
    ['untilMs', isMs],
    ['pastQueue', maybe(isBoolean)],
    ['isHalted', maybe(isBoolean)],
  ],
  return: [['borrow', isName]],
  acceptBorrow: [
    ['borrow', isId],
    ['user', isName],
    ['host', isName],
    ['feature', isName],
    ['version', isName],
    ['count', isCountable],
    ['sinceMs', isMs],
    ['untilMs', isMs],
  ],
  drain: [
    ['server', isName],
    ['on', isBoolean],
  ],
  acceptTime: [],
  raiseVersion: [['ledgerVersion', isCountable]],
  tick: [],
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function findBad(value: Record<string, unknown>, fields: Fields): string | undefined {
  for (const [name, check] of fields) if (!check(value[name])) return name;
  return undefined;
}
