import { LicError } from '@lic/interfaces';
import type { z } from 'zod';
import { type ClientMessage, clientMessageSchema } from './client-messages.ts';
import { protocolLimits } from './limits.ts';
import { type ServerMessage, serverMessageSchema } from './server-messages.ts';

/**
 * Reads one text frame of a client. The size is looked at before anything is parsed.
 * Throws `BAD_MESSAGE` and nothing else; `details.path` names the field, `details.id` is the request's id where it could be read.
 */
export function decodeClientMessage(text: string): ClientMessage {
  return decode(text, clientMessageSchema, protocolLimits.messageBytesMax);
}

/** Reads one text frame of a server; unknown keys are ignored. Throws like {@link decodeClientMessage}. */
export function decodeServerMessage(text: string): ServerMessage {
  return decode(text, serverMessageSchema, protocolLimits.answerBytesMax);
}

/** The text frame of a client's message. It is not checked again: the types did that. */
export function encodeClientMessage(message: ClientMessage): string {
  return JSON.stringify(message);
}

/** The text frame of a server's message. */
export function encodeServerMessage(message: ServerMessage): string {
  return JSON.stringify(message);
}

function decode<Schema extends z.ZodType>(text: string, schema: Schema, bytesMax: number): z.output<Schema> {
  if (isLongerThan(text, bytesMax)) throw badMessage(`It is longer than ${bytesMax} bytes`, { limit: bytesMax });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badMessage('It is not JSON', {}, error);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).map(String).join('.');
  throw badMessage(`${path === '' ? 'The message' : `Field "${path}"`}: ${issue?.message ?? 'not as expected'}`, {
    path,
    ...idOf(value),
  });
}

/** Counts UTF-8 bytes only where the number of characters leaves a doubt. */
function isLongerThan(text: string, bytesMax: number): boolean {
  if (text.length > bytesMax) return true;
  if (text.length * 3 <= bytesMax) return false;
  return new TextEncoder().encode(text).length > bytesMax;
}

function idOf(value: unknown): { readonly id?: number } {
  const id = typeof value === 'object' && value !== null ? (value as { readonly id?: unknown }).id : undefined;
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 1 ? { id } : {};
}

function badMessage(what: string, details: Record<string, unknown>, cause?: unknown): LicError {
  return new LicError(
    'BAD_MESSAGE',
    `The message was not understood. ${what}. See docs/protocol.md for what is expected.`,
    {
      details: { path: '', ...details },
      cause,
    },
  );
}
