import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const index = join(import.meta.dirname, '../index.ts');
const text = readFileSync(join(import.meta.dirname, '../../../../docs/harness.md'), 'utf8');

/** The programs of a document, each with the heading that it stands under. */
const programs: { heading: string; program: string }[] = [];
let heading = '';
for (const [, title, program] of text.matchAll(/^#+ (.*)$|^```ts\n([\s\S]*?)^```$/gm)) {
  if (title !== undefined) heading = title;
  if (program !== undefined) programs.push({ heading, program });
}

const folder = mkdtempSync(join(tmpdir(), 'lic-harness-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('docs/harness.md', () => {
  it('has programs', () => expect(programs.length).toBeGreaterThan(7));

  it.each(programs.map((each, number) => ({ ...each, number })))(
    'the program under "$heading" runs as it stands there',
    async ({ program, number }) => {
      const file = join(folder, `program-${number}.ts`);
      writeFileSync(file, program.replaceAll("'@lic/consensus'", JSON.stringify(index)));
      await import(file);
    },
  );
});
