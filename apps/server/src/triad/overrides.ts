import { parse } from 'yaml';
import { type ServerConfigFile, serverConfigSchema } from '../config/server-config.ts';
import { usageError } from '../usage-error.ts';

/** Reads `--set key=value` (the value in YAML) into configuration keys that every server of the triad gets. */
export function parseOverrides(texts: readonly string[]): Partial<ServerConfigFile> {
  const entries = texts.map((text): readonly [string, unknown] => {
    const at = text.indexOf('=');
    const key = text.slice(0, at);
    if (at < 1) throw usageError(`--set ${text}: expected key=value.`);
    if (!Object.hasOwn(serverConfigSchema.shape, key)) {
      throw usageError(`--set ${text}: unknown key. Known keys: ${Object.keys(serverConfigSchema.shape).join(', ')}.`);
    }
    return [key, parse(text.slice(at + 1)) as unknown];
  });
  return Object.fromEntries(entries);
}
