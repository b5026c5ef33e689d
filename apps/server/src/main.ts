/**
 * The `lic` command.
 *
 * @packageDocumentation
 */
import { errorCode, errorMessage } from '@lic/interfaces';
import { CommanderError } from 'commander';
import { printError, style } from './output/print.ts';
import { buildProgram } from './program.ts';
import { usageErrorCodes } from './usage-error.ts';

/** Runs `lic` with the arguments after its name. Resolves to the exit code: 0 success, 1 denied or failed, 2 usage. */
export async function run(args: readonly string[]): Promise<number> {
  // A reader that is gone (`| head`) is no reason to give a seat back or to stop servers.
  for (const stream of [process.stdout, process.stderr])
    if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  let exitCode = 0;
  const program = buildProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const code = errorCode(error);
    const tail = code === 'USAGE' ? '' : ` (${code})`;
    printError(`${style('red', 'lic:', process.stderr)} ${errorMessage(error)}${tail}`);
    if (code === 'INTERNAL' && error instanceof Error) printError(error.stack ?? '');
    return usageErrorCodes.has(code) ? 2 : 1;
  }
}
