import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { clientMessageSchema } from './client-messages.ts';
import { protocolVersions } from './limits.ts';
import { serverMessageSchema } from './server-messages.ts';

// The package's script `generate` sets this and writes the files anew; otherwise a difference fails.
const isGenerating = process.env.LIC_GENERATE === '1';

describe('the published JSON Schemas are those of the code', () => {
  test.each([
    ['client-message', clientMessageSchema],
    ['server-message', serverMessageSchema],
  ] as const)('%s.json', (name, schema) => {
    const file = new URL(`../schema/${name}.json`, import.meta.url);
    // As input: what a server adds one day is no error.
    const published = {
      $id: `urn:lic:protocol:${protocolVersions.max}:${name}`,
      ...z.toJSONSchema(schema, { io: 'input' }),
    };
    if (isGenerating) writeFileSync(file, `${JSON.stringify(published, null, 2)}\n`);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(published)));
  });
});
