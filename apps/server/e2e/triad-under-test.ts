import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StatusReport } from '@lic/protocol';

/** The command, whether this file runs as it is or bundled into dist/bench. */
const lic = ['../bin/lic.js', '../../bin/lic.js']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find(existsSync) as string;

/** A server as `lic triad --json` names it. */
export interface ReadyServer {
  readonly rank: number;
  readonly name: string;
  readonly pid: number;
  readonly addresses: readonly string[];
  readonly config: string;
}

/** What a `lic` command came to. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `lic` and waits for its end. */
export function runLic(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [lic, ...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, stdout, stderr });
    });
  });
}

/** Asks again and again until `probe` answers something; fails with what it saw last. Never waits without a bound. */
export async function until<Value>(
  what: string,
  probe: () => Promise<Value | undefined>,
  boundMs = 30_000,
): Promise<Value> {
  const endMs = performance.now() + boundMs;
  let last: unknown;
  while (performance.now() < endMs) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited ${boundMs} ms in vain for: ${what}`, { cause: last });
}

/** A port from which the 22 that a triad uses are free. */
async function freeBasePort(): Promise<number> {
  for (;;) {
    const base = 20_000 + Math.floor(Math.random() * 1_000) * 40;
    const ports = [0, 1, 10, 11, 20, 21].map((offset) => base + offset);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Three real servers on real disks, begun by `lic triad` and then killed, started and stopped one by one. */
export class TriadUnderTest implements AsyncDisposable {
  readonly directory: string;
  readonly basePort: number;
  #settings: readonly string[] = [];
  #triad: ChildProcess | undefined;
  readonly #children = new Map<number, ChildProcess>();
  servers: readonly ReadyServer[] = [];
  vendorKey = '';

  private constructor(directory: string, basePort: number) {
    this.directory = directory;
    this.basePort = basePort;
  }

  static async start(features: readonly object[], settings: readonly string[]): Promise<TriadUnderTest> {
    const triad = new TriadUnderTest(await mkdtemp(join(tmpdir(), 'lic-e2e-')), await freeBasePort());
    const servers = ['primary', 'secondary-1', 'secondary-2'].map((name, index) => ({ rank: index + 1, name }));
    await writeFile(triad.#termsPath, JSON.stringify({ vendor: 'acme', licensee: 'Test', servers, features }));
    triad.#settings = settings;
    await triad.startAll();
    return triad;
  }

  get #termsPath(): string {
    return join(this.directory, 'terms.json');
  }

  get triadPath(): string {
    return join(this.directory, 'triad');
  }

  /** Starts `lic triad` and awaits its ready line. */
  async startAll(): Promise<void> {
    const sets = this.#settings.flatMap((setting) => ['--set', setting]);
    const args = [
      'triad',
      '--terms',
      this.#termsPath,
      '--dir',
      this.triadPath,
      '--base-port',
      String(this.basePort),
      '--json',
      ...sets,
    ];
    const child = spawn(process.execPath, [lic, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#triad = child;
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => undefined)]);
    if (first === undefined) throw new Error(`lic triad ended before it served:\n${await this.logs()}`);
    const ready = JSON.parse(String(first[0])) as {
      readonly servers: readonly ReadyServer[];
      readonly vendorKey: string;
    };
    this.servers = ready.servers;
    this.vendorKey = ready.vendorKey;
  }

  /** SIGINT to `lic triad`, as Ctrl-C sends it; answers its exit code. */
  async stopAll(): Promise<number | null> {
    const child = this.#triad;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    await ended;
    return child.exitCode;
  }

  /** `kill -9`. */
  killServer(rank: number): void {
    process.kill(this.#pidOf(rank), 'SIGKILL');
  }

  /** SIGTERM, and the wait for the end. */
  async stopServer(rank: number): Promise<void> {
    const child = this.#children.get(rank);
    if (child === undefined) throw new Error(`server ${rank} was not started alone`);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  /** Starts one server alone, as the person would who reads what `lic triad` printed. */
  startServer(rank: number): void {
    const server = this.servers.find((one) => one.rank === rank);
    if (server === undefined) throw new Error(`no server of rank ${rank}`);
    const child = spawn(process.execPath, [lic, 'serve', '-c', server.config], { stdio: 'ignore' });
    this.#children.set(rank, child);
    this.servers = this.servers.map((one) => (one.rank === rank ? { ...one, pid: child.pid ?? 0 } : one));
  }

  addresses(scheme: 'tcp' | 'ws'): readonly string[] {
    return this.servers.flatMap((server) => server.addresses.filter((address) => address.startsWith(`${scheme}:`)));
  }

  /** `lic status --json` with every server's own admin token. */
  async status(): Promise<StatusReport & { readonly exitCode: number }> {
    const { code, stdout, stderr } = await runLic(['status', '--json', '--dir', this.triadPath]);
    if (stdout === '') throw new Error(`lic status printed nothing: ${stderr}`);
    return { ...(JSON.parse(stdout) as StatusReport), exitCode: code };
  }

  async logs(): Promise<string> {
    const names = ['primary', 'secondary-1', 'secondary-2'];
    const texts = names.map(async (name) => {
      const log = await readFile(join(this.triadPath, name, 'server.log'), 'utf8').catch(() => '(none)');
      return `--- ${name}\n${log.split('\n').slice(-15).join('\n')}`;
    });
    return (await Promise.all(texts)).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAll();
    for (const child of this.#children.values()) {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  #pidOf(rank: number): number {
    const pid = this.servers.find((server) => server.rank === rank)?.pid;
    if (pid === undefined) throw new Error(`no server of rank ${rank}`);
    return pid;
  }
}
