import { z } from 'zod';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Milliseconds of a duration as people write it (`250ms`, `60s`, `1.5m`, `24h`, `1d`), or undefined where it is none. */
export function parseDurationMs(text: string): number | undefined {
  const [, amount, unit] = durationPattern.exec(text.trim()) ?? [];
  return amount === undefined || unit === undefined ? undefined : Number(amount) * (unitMs[unit] ?? 0);
}

const expected = 'expected a duration such as 250ms, 60s, 5m or 24h';

/** A duration in a configuration file, longer than nothing and at most `msMax`; the value is in milliseconds. */
export function durationSchema(msMax = Number.MAX_SAFE_INTEGER) {
  return z.string({ error: expected }).transform((text, context) => {
    const ms = parseDurationMs(text);
    if (ms !== undefined && ms > 0 && ms <= msMax) return ms;
    const bound = ms === undefined ? '' : ms <= 0 ? ', more than 0' : `, at most ${msMax / 1_000}s`;
    context.addIssue({ code: 'custom', message: `${expected}${bound}` });
    return z.NEVER;
  });
}
