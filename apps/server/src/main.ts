/** Runs the `lic` command with the arguments after its name. Resolves to the exit code: 0 success, 1 failed, 2 usage. */
export const run = async (args: readonly string[]): Promise<number> => {
  process.stderr.write(`lic: unknown command ${JSON.stringify(args.join(' '))}\n`);
  return 2;
};
