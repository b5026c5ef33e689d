import { isIP } from 'node:net';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import {
  type AdminOptions,
  admin,
  type ReloadOptions,
  type RemoveOptions,
  reload,
  remove,
  time,
} from './commands/admin.ts';
import { type BorrowCliOptions, type BorrowPlace, borrow, giveBack } from './commands/borrow.ts';
import { type CheckoutCliOptions, checkout } from './commands/checkout.ts';
import { type ExplainOptions, explain } from './commands/explain.ts';
import { identity, inspect, keygen, sign } from './commands/keys.ts';
import { form, type RecoverOptions, recover, repair } from './commands/life.ts';
import { applyPolicy, checkPolicy, type ExplainPolicyOptions, explainPolicy, showPolicy } from './commands/policy.ts';
import { type ServeOptions, serve } from './commands/serve.ts';
import { status } from './commands/status.ts';
import { type TriadOptions, triad } from './commands/triad.ts';
import { productVersion } from './product-version.ts';
import type { ServerListOptions } from './servers/server-list.ts';

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1');
  return value;
};

const port = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || value > 65_500)
    throw new InvalidArgumentError('expected a port from 1 to 65500');
  return value;
};

const seconds = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('expected seconds from 0');
  return value;
};

const ipAddress = (text: string): string => {
  if (isIP(text) === 0) throw new InvalidArgumentError('expected an address of IPv4 or IPv6, for example 10.1.2.3');
  return text;
};

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Builds the command line. Each verb's exit code goes to `setExitCode`; usage errors are thrown as `CommanderError`. */
export function buildProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('lic')
    .description('Redundant floating licenses: three servers, one pool of seats.')
    .version(productVersion)
    // A verb's own options come after it: `lic checkout compare --version 12.0` asks for a version of the feature.
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('Say lic --help, or lic help VERB.');
  const verb = (usage: string, description: string): Command =>
    program.command(usage).description(description).exitOverride();
  const does =
    <Args extends unknown[]>(action: (...args: Args) => Promise<number>) =>
    async (...args: Args): Promise<void> =>
      setExitCode(await action(...args));
  const talks = (command: Command): Command =>
    command
      .option(
        '--servers <list>',
        'addresses, comma-separated (LIC_SERVERS; else ports 7411, 7421, 7431 on this machine)',
      )
      .option('--vendor-key <key>', "the vendor's public key, or its file (LIC_VENDOR_KEY)")
      .option(
        '--dir <dir>',
        'the folder of a lic triad on this machine: addresses, vendor key and tokens are found there',
      )
      .option('--ca <file>', 'who may sign the certificates of tls and wss servers, PEM (LIC_CA; else the system)')
      .option('--json', 'one line of JSON');
  const asksForOwnSeats = (command: Command): Command =>
    command
      .option('--count <n>', 'seats', wholeNumber, 1)
      .option('--version <version>', 'the least version that will do')
      .option('--released-at <date>', 'when the product was released, for licenses with supportedUntil')
      .option('--display <display>', "the display of the user's session, for licenses and policies that go by it");
  const asksForSeats = (command: Command): Command =>
    asksForOwnSeats(command)
      .option('--count-min <n>', 'the fewest seats that will do where --count are not free', wholeNumber)
      .option('--share-key <key>', 'a project or document, for licenses that share seats by what the product names');
  const administers = (command: Command): Command =>
    talks(command).option('--token-file <file>', 'the admin token of the server that is asked (LIC_ADMIN_TOKEN)');

  verb('keygen', "make a vendor's key pair")
    .requiredOption('-o, --out <dir>', 'folder for vendor.key and vendor.pub')
    .addOption(new Option('--alg <alg>', 'signature algorithm').choices(['Ed25519', 'RSA-PSS']).default('Ed25519'))
    .option('--json', 'one line of JSON')
    .action(does((options: Parameters<typeof keygen>[0]) => keygen(options)));
  verb('identity', "make or show this server's identity: the key and host id that the vendor needs")
    .option('-o, --out <dir>', 'folder of identity.key', '.')
    .option('--json', 'one line of JSON')
    .action(does((options: Parameters<typeof identity>[0]) => identity(options)));
  verb('sign <terms>', 'sign terms (JSON or YAML) into a license file')
    .requiredOption('-k, --key <file>', "the vendor's private key")
    .requiredOption('-o, --out <file>', 'the license file to write')
    .option('--id <id>', "the license's id (default: a random one)")
    .option('--json', 'one line of JSON')
    .action(does((terms: string, options: Parameters<typeof sign>[1]) => sign(terms, options)));
  verb('inspect <file>', 'show and verify a license file')
    .option('--key <key>', "the vendor's public key, or its file")
    .option('--json', 'one line of JSON')
    .action(does((file: string, options: Parameters<typeof inspect>[1]) => inspect(file, options)));

  verb('serve', 'run one server')
    .requiredOption('-c, --config <file>', 'configuration in YAML or JSON')
    .option('--new', 'nothing older than this triad can hold seats: checkouts open at once (all servers must say so)')
    .option('--json', 'print one line of JSON once it listens')
    .addOption(new Option('--exit-with-parent', 'end when standard input closes').hideHelp())
    .action(does((options: ServeOptions) => serve(options)));
  verb('triad', 'run three servers on this machine, as three processes')
    .option('--terms <file>', 'terms to sign with a vendor key made in the folder, on first use')
    .option('--license <file>', 'a license signed elsewhere (repeatable); its identities lie in the folder', collect)
    .option('--vendor-key <key>', 'who signed that license: a public key, or its file (LIC_VENDOR_KEY)')
    .option('--dir <dir>', 'folder for keys, licenses, data and logs', 'lic-triad')
    .option('--base-port <port>', 'first port: +10 for each rank, +1 for WebSocket', port, 7411)
    .addOption(
      new Option('--set <key=value>', "a key of every server's configuration (repeatable)")
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--json', 'print one line of JSON once it serves')
    .action(does((options: TriadOptions) => triad(options)));

  talks(verb('status', 'roles, term, quorum, pools, holders (exit code 1: no quorum)'))
    .option('--token-file <file>', 'with an admin token users and hosts are shown (LIC_ADMIN_TOKEN)')
    .action(does((options: ServerListOptions & { json?: boolean }) => status(options)));
  asksForSeats(
    talks(
      verb(
        'checkout <feature...>',
        'take seats and hold them until interrupted, of several features all or none (exit code 1: denied, or ended meanwhile)',
      ),
    ),
  )
    .option('--wait <seconds>', 'wait in the queue where no seat is free', seconds)
    .action(does((features: string[], options: CheckoutCliOptions) => checkout(features, options)));

  const isKept = (command: Command): Command =>
    command.option('--file <file>', 'where the borrow is kept (default: by its feature, in LIC_BORROWS)');
  isKept(
    asksForOwnSeats(
      talks(
        verb(
          'borrow [feature]',
          'take seats until a time, for use without any server; without a feature: what is borrowed here',
        ),
      ),
    ),
  )
    .option('--for <duration>', 'for how long: 8h, 5d')
    .option('--until <time>', 'until when: 2026-12-24T18:00Z')
    .option('--present', 'take nothing: show the servers what is borrowed, after they were recovered')
    .action(does((feature: string | undefined, options: BorrowCliOptions) => borrow(feature, options)));
  isKept(
    administers(
      verb(
        'return <feature-or-id>',
        'give a borrow back; by its id in a report, with an admin token, one whose machine is gone',
      ),
    ),
  ).action(does((what: string, options: BorrowPlace) => giveBack(what, options)));

  administers(verb('drain <server>', 'take a server (name or rank) out of control until undrained')).action(
    does((server: string, options: AdminOptions) => admin({ verb: 'drain', server }, options)),
  );
  administers(verb('undrain <server>', 'let a drained server take control again')).action(
    does((server: string, options: AdminOptions) => admin({ verb: 'undrain', server }, options)),
  );
  administers(verb('transfer [server]', 'hand control over, to the best other server unless one is named')).action(
    does((to: string | undefined, options: AdminOptions) =>
      admin({ verb: 'transfer', ...(to === undefined ? {} : { to }) }, options),
    ),
  );
  administers(
    verb('reload [file...]', "load all licenses of these files on all servers (default: the asked server's file)"),
  )
    .option('--dry-run', 'change nothing: all servers verify, and what would change is shown')
    .action(does((files: string[], options: ReloadOptions) => reload(files, options)));
  administers(verb('revoke <grant...>', 'end grants'))
    .option('--reason <text>', 'told to the client', 'revoked by an administrator')
    .action(
      does((grants: string[], options: AdminOptions & { reason: string }) =>
        admin({ verb: 'revoke', grants, reason: options.reason }, options),
      ),
    );
  administers(verb('remove', 'end all grants of a dead holder: of a session, or of a user and a host'))
    .option('--session <id>', "one client's session, as lic status --json with a token lists it")
    .option('--user <user>', 'whoever holds them, on any host unless --host is given')
    .option('--host <host>', 'where they are held, by any user unless --user is given')
    .option('--reason <text>', 'told to the client', 'removed by an administrator')
    .action(does((options: RemoveOptions) => remove(options)));
  const policy = verb('policy', 'the rules of the administrator: who may have how many seats');
  administers(
    policy.command('check <file>').description('what a policy would change, and who would be denied now'),
  ).action(does((file: string, options: AdminOptions) => checkPolicy(file, options)));
  administers(policy.command('apply <file>').description('put a policy into force on all servers at once')).action(
    does((file: string, options: AdminOptions) => applyPolicy(file, options)),
  );
  administers(policy.command('show').description('the policy that is in force')).action(
    does((options: AdminOptions) => showPolicy(options)),
  );
  administers(policy.command('explain <user> <feature>').description('which rule decides for somebody, and why'))
    .option('--host <host>', 'the host that the client would name')
    .option('--display <display>', 'the display that the product would name')
    .option('--address <address>', 'the address that it would come from', ipAddress)
    .option('--project <project>', 'the project that the client would name')
    .option('--product <product>', 'the product that would ask')
    .action(
      does((user: string, feature: string, options: ExplainPolicyOptions) => explainPolicy(user, feature, options)),
    );
  asksForSeats(
    administers(
      verb(
        'explain <code-or-feature...>',
        'what a denial code means, or what a checkout would come to now (exit code 1: denied)',
      ),
    ),
  )
    .option('--user <user>', 'who would ask (default: you)')
    .option('--host <host>', 'from which host (default: this one)')
    .option('--project <project>', 'the project that the client would name')
    .option('--product <product>', 'the product that would ask')
    .option('--address <address>', 'the address that it would come from', ipAddress)
    .action(does((what: string[], options: ExplainOptions) => explain(what, options)));
  administers(verb('time', 'license time and the clocks of the servers'))
    .addArgument(new Argument('[accept]', 'with this word: let license time leap to the clocks').choices(['accept']))
    .action(does((accept: 'accept' | undefined, options: AdminOptions) => time(accept, options)));

  administers(
    verb('repair [server]', 'refill a server whose log is damaged or rolled back, or open its failed disk anew'),
  ).action(does((server: string | undefined, options: AdminOptions) => repair(server, options)));
  administers(verb('form', 'form a triad with two of three servers; the third is let in when it comes')).action(
    does((options: AdminOptions) => form(options)),
  );
  administers(verb('recover [server]', 'let one server go on alone where the disks of the others are gone for good'))
    .option('--yes', 'the consequences are understood; without it they are printed')
    .option('--keep [boot]', 'recover nothing: of two processes under one identity this one (or that boot id) goes on')
    .action(does((server: string | undefined, options: RecoverOptions) => recover(server, options)));
  return program;
}
