import { readFileSync } from 'node:fs';
import { denialCodes, ed25519Scheme } from '@lic/core';
import { describe, expect, test } from 'vitest';
import { adminSchema, clientMessageSchema } from './client-messages.ts';
import { decodeClientMessage, decodeServerMessage } from './codec.ts';
import { errorCodes } from './codes.ts';
import { protocolLimits } from './limits.ts';
import { heartbeatRefusedSchema, serverMessageSchema } from './server-messages.ts';
import { endReasonSchema, serverStateSchema } from './values.ts';
import { welcomeText } from './welcome-text.ts';

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');

/** The lines of all examples of one side. */
const examples = (side: 'client' | 'server'): string[] =>
  [...page.matchAll(/^```json (\w+)\n([\s\S]*?)^```/gm)].flatMap(([, of, lines]) =>
    of === side ? (lines ?? '').trim().split('\n') : [],
  );

/** The rows of the table behind a heading or a line of text. */
const rows = (after: string): string[][] => {
  const table = page.slice(page.indexOf(after)).match(/(^\|.*\n)+/m)?.[0] ?? '';
  return table
    .trim()
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
};
const names = (after: string): string[] => rows(after).map(([first]) => (first ?? '').replaceAll('`', ''));
const codeIn = (text: string): string[] => [...text.matchAll(/`(\w+)`/g)].map(([, code]) => code ?? '');
/** The names of all properties within a JSON Schema. */
const fieldsIn = (schema: unknown): string[] =>
  typeof schema !== 'object' || schema === null
    ? []
    : Object.entries(schema).flatMap(([key, value]) => [
        ...(key === 'properties' ? Object.keys(value as object) : []),
        ...fieldsIn(value),
      ]);
const typesOf = (schema: {
  readonly options: readonly { readonly shape: { readonly t: { readonly value: string } } }[];
}) => schema.options.map(({ shape }) => shape.t.value);

describe('docs/protocol.md', () => {
  test('shows messages that the codec reads, each kind of the client at least once', () => {
    const sent = examples('client').map((line) => decodeClientMessage(line).t);
    const received = examples('server').map((line) => decodeServerMessage(line).t);
    expect(new Set(sent)).toEqual(new Set(typesOf(clientMessageSchema)));
    expect(received.length).toBeGreaterThan(14);
  });

  test('shows a welcome whose signature holds', async () => {
    const line = examples('server').find((text) => text.startsWith('{"t":"welcome"')) ?? '';
    const raw = JSON.parse(line) as { server: { key: string }; signature: string };
    const signature = Buffer.from(raw.signature, 'base64url');
    const message = new TextEncoder().encode(welcomeText(raw));
    expect(await ed25519Scheme.verify(raw.server.key, message, signature)).toBe(true);
    const hello = JSON.parse(examples('client')[0] ?? '') as { nonce: string };
    expect(raw).toMatchObject({ nonce: hello.nonce });
  });

  test('has every message, and no other', () => {
    expect(names('From the client:')).toEqual(typesOf(clientMessageSchema));
    expect(names('From the server:').sort()).toEqual(typesOf(serverMessageSchema).sort());
  });

  test('has every administrative verb with its fields, and no other', () => {
    const documented = rows('## Every administrative verb').flatMap(([verbs = '', fields = '']) =>
      codeIn(verbs).map((verb) => [verb, fields] as const),
    );
    const verbs = adminSchema.shape.request.options;
    expect(documented.map(([verb]) => verb).sort()).toEqual(verbs.map(({ shape }) => shape.verb.value).sort());
    for (const { shape } of verbs)
      for (const field of Object.keys(shape).filter((key) => key !== 'verb'))
        expect(codeIn(documented.find(([verb]) => verb === shape.verb.value)?.[1] ?? '')).toContain(field);
  });

  test.each(['client', 'server'])('names every field of every message of the %s', (side) => {
    const file = new URL(`../schema/${side}-message.json`, import.meta.url);
    const named = new Set([...page.matchAll(/[`".](\w+)[`"]/g)].map(([, name]) => name));
    for (const field of fieldsIn(JSON.parse(readFileSync(file, 'utf8')))) expect(named).toContain(field);
  });

  test('has every error with what the table of codes says', () => {
    const documented = Object.fromEntries(
      rows('## Every error').map(([code = '', retryable]) => [
        code.replaceAll('`', ''),
        { retryable: retryable === 'yes' },
      ]),
    );
    expect(documented).toEqual(errorCodes);
  });

  test('has every limit with its value', () => {
    const documented = Object.fromEntries(
      rows('## Limits').map(([name = '', value]) => [name.replaceAll('`', ''), Number(value)]),
    );
    expect(documented).toEqual(protocolLimits);
  });

  test.each([
    ['denial codes', Object.keys(denialCodes)],
    ['reasons', endReasonSchema.options],
    ['server states', serverStateSchema.options],
    ['refusals of heartbeats', heartbeatRefusedSchema.shape.code.options],
  ])('names all %s', (_, all) => {
    for (const name of all) expect(page).toContain(`\`${name}\``);
  });
});
