import { readFile } from 'node:fs/promises';
import { runtime } from '@lic/runtime';
import type { ServerConfigFile } from '../config/server-config.ts';
import { readableLogEnd } from '../logging/readable-log.ts';
import { print, printError, style } from '../output/print.ts';
import { askStatus, bestReport } from '../servers/ask.ts';
import { type KnownServer, transportsWith } from '../servers/server-list.ts';
import { parseOverrides } from '../triad/overrides.ts';
import { prepareTriadFolder, type TriadFolder } from '../triad/triad-folder.ts';
import { startServer, type TriadProcess } from '../triad/triad-processes.ts';
import { typed } from '../triad/typed-path.ts';
import { usageError } from '../usage-error.ts';

/** Options of `lic triad`. */
export interface TriadOptions {
  readonly terms?: string;
  readonly license?: readonly string[];
  readonly vendorKey?: string;
  readonly dir: string;
  readonly basePort: number;
  readonly json?: boolean;
  /** `key=value` of the servers' configuration. */
  readonly set?: readonly string[];
}

/** How long the triad may take until one is in control, and how often it is asked meanwhile, ms. */
const readyMsMax = 60_000;
const askMs = 100;

/** `lic triad`: three servers on this machine, as three processes, until Ctrl-C. */
export async function triad(options: TriadOptions): Promise<number> {
  if (options.terms !== undefined && options.license !== undefined)
    throw usageError('Say --terms or --license, not both.');
  const overrides: Partial<ServerConfigFile> = parseOverrides(options.set ?? []);
  const folder = await prepareTriadFolder({ ...options, directory: options.dir, overrides });
  const say = options.json === true ? printError : print;
  const warn = (text: string): void =>
    say(`${style('yellow', '!', options.json === true ? process.stderr : process.stdout)} ${text}`);
  for (const remark of folder.remarks) warn(remark);
  const processes = folder.servers.map((server) => startServer(server, folder.isNew));
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort(signal));
  for (const running of processes) void watch(running, stopping.signal, warn);

  const inControl = await untilInControl(folder, processes, stopping.signal);
  if (inControl === undefined && !stopping.signal.aborted) {
    await showFailure(folder, processes);
    await stopAll(processes, folder);
    return 1;
  }
  if (inControl !== undefined) {
    if (options.json === true) print(readyLine(folder, processes));
    else showReady(folder, processes, inControl);
  }
  const allEnded = Promise.all(processes.map(({ ended }) => ended)).then(() => 'ended' as const);
  const why = await Promise.race([aborted(stopping.signal), allEnded]);
  if (why === 'ended') {
    say('All servers have ended. The same command starts them again.');
    return 1;
  }
  say('Stopping: stand-bys first, then the one in control …');
  await stopAll(processes, folder);
  say(`Stopped. The data stays in ${typed(folder.directory)}; the same command goes on from there.`);
  return 0;
}

async function watch(running: TriadProcess, stopping: AbortSignal, warn: (line: string) => void): Promise<void> {
  const how = await running.ended;
  if (stopping.aborted) return;
  const { name, configPath } = running.server;
  warn(`${name} (pid ${running.pid}) ${how}. To start it again:  npx --no lic serve -c ${typed(configPath)}`);
}

function known({ servers }: TriadFolder): readonly KnownServer[] {
  return servers.map(({ name, rank, addresses }) => ({ name, rank, address: addresses[0] ?? '', token: undefined }));
}

function accessTo({ vendorKey }: TriadFolder) {
  return { vendorKey, transports: transportsWith() };
}

/** The rank of the server in control once there is one that serves; undefined where none comes in time. */
async function untilInControl(
  folder: TriadFolder,
  processes: readonly TriadProcess[],
  stopping: AbortSignal,
): Promise<number | undefined> {
  const deadlineMs = runtime.monotonic() + readyMsMax;
  while (runtime.monotonic() < deadlineMs && !stopping.aborted && processes.some(({ isRunning }) => isRunning)) {
    const report = bestReport(await askStatus(known(folder), accessTo(folder)));
    if (report?.quorum === true && report.inControl !== null && report.licenseHash !== null) return report.inControl;
    await new Promise<void>((resolve) => void runtime.setTimer(askMs, resolve));
  }
  return undefined;
}

/** Stand-bys first, so that the one in control need not hand over to a server that is about to end. */
async function stopAll(processes: readonly TriadProcess[], folder: TriadFolder): Promise<void> {
  const running = processes.filter(({ isRunning }) => isRunning);
  const report = running.length === 0 ? undefined : bestReport(await askStatus(known(folder), accessTo(folder)));
  const isInControl = ({ server }: TriadProcess): boolean => server.rank === report?.inControl;
  await Promise.all(running.filter((one) => !isInControl(one)).map((one) => one.stop()));
  await Promise.all(running.filter(isInControl).map((one) => one.stop()));
}

function aborted(signal: AbortSignal): Promise<'stop'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('stop');
    signal.addEventListener('abort', () => resolve('stop'));
  });
}

function readyLine(folder: TriadFolder, processes: readonly TriadProcess[]): string {
  const servers = processes.map(({ server: { rank, name, addresses, configPath }, pid }) => ({
    rank,
    name,
    pid,
    addresses,
    config: configPath,
  }));
  return JSON.stringify({ ready: true, vendorKey: folder.vendorKey, servers });
}

function showReady(folder: TriadFolder, processes: readonly TriadProcess[], inControl: number): void {
  const { license } = folder;
  print('');
  print(
    `${style('green', '●')} ${style('bold', 'The triad runs.')} License ${license.id}: ` +
      license.features.map(({ name, count }) => `${name} ${seatsText(count)}`).join(', '),
  );
  print('');
  const width = Math.max(...processes.map(({ server }) => server.name.length));
  for (const { server, pid } of processes) {
    const role = server.rank === inControl ? style('green', 'in control') : 'stand-by  ';
    print(
      `  ${server.rank}  ${server.name.padEnd(width)}  ${role}  pid ${String(pid).padEnd(7)}  ${server.addresses.join('  ')}`,
    );
  }
  const dir = typed(folder.directory);
  const pid = processes.find(({ server }) => server.rank === inControl)?.pid ?? 0;
  const commands = [
    [`npx --no lic status --dir ${dir}`, 'who is in control, which seats are taken'],
    [`npx --no lic checkout ${license.features[0]?.name ?? ''} --dir ${dir}`, 'take a seat and hold it'],
    [`kill -9 ${pid}`, 'kill the one in control: the seat stays, another takes over'],
    [`npx --no lic transfer --dir ${dir}`, 'or hand control over in peace'],
  ] as const;
  const commandWidth = Math.max(...commands.map(([text]) => text.length));
  print('');
  print('Try, in another terminal:');
  for (const [text, why] of commands) print(`  ${style('cyan', text.padEnd(commandWidth))}  ${style('dim', why)}`);
  print('');
  print(style('dim', `Logs: ${dir}/<server>/server.log   Ctrl-C stops all three.`));
}

function seatsText(count: number | 'uncounted'): string {
  return count === 'uncounted' ? count : `${count} seat${count === 1 ? '' : 's'}`;
}

async function showFailure({ directory }: TriadFolder, processes: readonly TriadProcess[]): Promise<void> {
  const isEnded = processes.every(({ isRunning }) => !isRunning);
  const when = isEnded ? 'All servers have ended' : `No server is in control after ${readyMsMax / 1_000} s`;
  printError(`${style('red', `${when}.`, process.stderr)} The ends of their logs:`);
  for (const { server } of processes) {
    printError(`\n${server.name}, ${typed(server.logPath)}:`);
    for (const line of readableLogEnd(await readFile(server.logPath, 'utf8').catch(() => ''))) printError(`  ${line}`);
  }
  printError(`\nKeys, configuration and data are in ${typed(directory)}.`);
}
