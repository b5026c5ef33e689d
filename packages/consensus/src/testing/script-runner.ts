import type { PeerId } from '@lic/interfaces';
import type { Message } from '../core/messages.ts';
import type { CoreHarnessOptions } from '../harness/core-harness-options.ts';
import { CoreNetwork, type CoreNetworkOptions } from '../harness/core-network.ts';
import { entryText, transitText } from '../harness/message-text.ts';
import { membersOf, parseCommand, parseScript, type ScriptCommand } from './script-format.ts';

/** Does what a command says, and answers what it was asked for. */
type Verb = (command: ScriptCommand) => unknown;

/**
 * Runs scripts on a {@link CoreNetwork}: text files of commands, each with the output that is expected of it. What a command prints is
 * everything that the servers did, then what it was asked for. `testing/scripts/README.md` lists the commands.
 */
export class ScriptRunner {
  #network = new CoreNetwork({ servers: {} });
  #trace: string[] = [];

  /** Runs a whole script; answers it with the outputs as they are. */
  run(script: string): string {
    return parseScript(script)
      .map((block) => ('comment' in block ? block.comment : `${block.command}\n----\n${this.#output(block.command)}`))
      .join('\n\n')
      .concat('\n');
  }

  #output(line: string): string {
    this.#trace = [];
    const command = parseCommand(line);
    const verb = this.#verbs[command.name];
    if (verb === undefined)
      throw new Error(`No command ${command.name}: there are ${Object.keys(this.#verbs).join(', ')}`);
    let asked: string[];
    try {
      const answer = verb(command);
      asked = Array.isArray(answer) ? (answer as string[]) : [];
      // What the servers sent is under way from now on.
      void this.#network.messages;
    } catch (error) {
      asked = [`error: ${(error as Error).message}`];
    }
    const isFlowing = command.name === 'stabilize' || command.name === 'run';
    const isShown = (each: string) =>
      !/^\S+ send /.test(each) && !(command.name === 'run' && / round(Reply)? /.test(each));
    const happened = isFlowing ? this.#trace.filter(isShown) : this.#trace;
    const lines = [...happened.map((each) => each.replace(/ \(delivered\)$/, '')), ...asked];
    return lines.length === 0 ? 'ok' : lines.join('\n');
  }

  #at(command: ScriptCommand) {
    return this.#network.at(command.words[0] ?? '');
  }

  readonly #verbs: Record<string, Verb> = {
    'add-nodes': ({ words, options, flags }) => {
      const ids = [...'abcdefgh'].slice(0, Number(words[0] ?? 3));
      const members = options['members'] === undefined ? ids : membersOf(options['members']);
      const given: CoreNetworkOptions = {
        members,
        servers: Object.fromEntries(ids.map((id) => [id, stateOf(options, `${id}.`)])),
        electionTimeoutMs: Number(options['election-timeout'] ?? 1_000),
        preVote: flags['pre-vote'] ?? true,
        checkQuorum: flags['check-quorum'] ?? true,
        disk: (flags['async-storage'] ?? false) ? 'manual' : 'instant',
        ...(options['window'] === undefined
          ? {}
          : { appends: { bytesMax: 1024, entriesMax: 1, inFlightMax: Number(options['window']) } }),
        ...stateOf(options),
      };
      this.#network = new CoreNetwork({ ...given, trace: (each) => this.#trace.push(each) });
      this.#trace = [];
    },
    'add-node': ({ words, options }) => {
      const incarnation = options['incarnation'];
      this.#network.start(words[0]!, {
        term: 0,
        log: [],
        commit: 0,
        ...(incarnation === undefined ? {} : { incarnation }),
      });
    },
    campaign: (command) => this.#at(command).campaign(),
    elect: (command) => {
      this.#at(command).campaign();
      this.#network.stabilize();
      this.#trace = [];
      const { leader } = this.#network;
      return [leader === undefined ? 'nobody leads' : `${leader.id} leads term ${leader.state.term}`];
    },
    propose: (command) => {
      const index = this.#at(command).propose(command.words[1] ?? 'x');
      return index === 0 ? ['refused'] : [`index ${index}`];
    },
    'propose-many': (command) => {
      const [, count, bytes] = command.words;
      for (let each = 0; each < Number(count); each += 1) this.#at(command).propose('.'.repeat(Number(bytes ?? 1)));
    },
    read: (command) => {
      const round = this.#at(command).read();
      return round === 0 ? ['refused'] : [`waits for round ${round}`];
    },
    'reads-through': (command) => [`${this.#at(command).readsThrough}`],
    transfer: (command) => this.#at(command).transfer(command.words[1]!),
    'change-members': (command) => {
      const answer = this.#at(command).changeMembers(membersOf(command.options['members'] ?? ''));
      if (answer === 'not-in-control') return [answer];
      return ['index' in answer ? `index ${answer.index}` : `refused: ${answer.refused}`];
    },
    stabilize: ({ words }) => this.#network.stabilize(...words),
    run: ({ words }) => this.#network.run(Number(words[0])),
    advance: ({ words }) => this.#network.advance(Number(words[0])),
    'tick-heartbeat': (command) => this.#at(command).advance(this.#at(command).config.timing.roundMs),
    'tick-election': (command) => this.#at(command).advance(this.#at(command).config.timing.electionTimeoutMaxMs),
    'process-ready': (command) => this.#at(command).finishWrite(),
    'deliver-msgs': ({ options }) => void this.#network.deliver(filterOf(options), countOf(options)),
    'drop-msgs': ({ options }) => void this.#network.drop(filterOf(options), countOf(options)),
    'duplicate-msgs': ({ options }) => this.#network.duplicate(filterOf(options)),
    'reverse-msgs': () => this.#network.reorder(),
    messages: ({ options }) => this.#network.pending(filterOf(options)).map(transitText),
    partition: ({ words }) => this.#network.partition(...words.map((group) => group.replace(/[()]/g, '').split(','))),
    cut: ({ words }) => this.#network.cut(words[0]!, words[1]!),
    isolate: ({ words }) => this.#network.isolate(words[0]!),
    heal: () => this.#network.heal(),
    crash: ({ words }) => this.#network.crash(words[0]!),
    restart: ({ words, options }) => {
      const incarnation = options['incarnation'];
      this.#network.restart(words[0]!, { ...(incarnation === undefined ? {} : { incarnation }) });
    },
    // The data folder is lost: the next life begins empty, under another incarnation.
    wipe: ({ words, options }) => {
      const id = words[0]!;
      this.#network.restart(id, { isEmptied: true, incarnation: options['incarnation'] ?? `${id}-2` });
    },
    recover: ({ words }) => void this.#network.restart(words[0]!, { isRecovering: true }),
    disk: (command) => this.#at(command).step({ kind: 'disk', state: command.words[1] as 'well' | 'full' | 'failed' }),
    link: (command) => this.#at(command).step({ kind: 'link', peer: command.words[1]!, up: command.words[2] === 'up' }),
    'peer-lost': (command) => this.#at(command).step({ kind: 'peerLost', peer: command.words[1]! }),
    electable: (command) => this.#at(command).step({ kind: 'electable', on: command.words[1] === 'on' }),
    snapshot: (command) => {
      const index = this.#at(command).snapshot(Number(command.options['keep'] ?? 0));
      return [index === 0 ? 'nothing new' : `snapshot at ${index}`];
    },
    'raft-log': (command) => {
      const { log, state } = this.#at(command);
      return [log.length === 0 ? `empty behind ${state.log.baseIndex}` : log.map(entryText).join(', ')];
    },
    commands: (command) => [this.#at(command).commands.join(' ') || 'none'],
    status: (command) => {
      const server = this.#at(command);
      const peers = [...server.state.peers].map(
        ([id, { mode, match, next, inFlight }]) =>
          `${id}: ${mode} match=${match} next=${next} inFlight=${inFlight.length}`,
      );
      return [server.describe(), ...peers];
    },
  };
}

/** The state that options such as `term=2 log=1,2 commit=1`, or for one server `a.term=2`, put a server in. */
function stateOf(options: Record<string, string>, prefix = ''): CoreHarnessOptions {
  const [term, log, commit] = ['term', 'log', 'commit'].map((name) => options[`${prefix}${name}`]);
  return {
    ...(term === undefined ? {} : { term: Number(term) }),
    ...(log === undefined ? {} : { log: log.split(',').map(Number) }),
    ...(commit === undefined ? {} : { commit: Number(commit) }),
  };
}

function filterOf({ from, to, type }: Record<string, string>): { from?: PeerId; to?: PeerId; type?: Message['type'] } {
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(type === undefined ? {} : { type: type as Message['type'] }),
  };
}

function countOf({ count }: Record<string, string>): number {
  return count === undefined ? Number.POSITIVE_INFINITY : Number(count);
}
