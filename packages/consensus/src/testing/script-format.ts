import type { MemberLike } from '../harness/core-harness-options.ts';

/** One command of a script, taken apart: `name word word key=value key=true`. */
export interface ScriptCommand {
  readonly name: string;
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  /** The options that say `true` or `false`. */
  readonly flags: Readonly<Record<string, boolean>>;
}

/** A part of a script: a comment, or a command whose expected output follows. */
export type ScriptBlock = { readonly comment: string } | { readonly command: string };

/** Parts are separated by empty lines. Lines that begin with `#` are comments, `----` ends a command. */
export function parseScript(script: string): ScriptBlock[] {
  const blocks = script.split(/\n\s*\n/).map((block) => block.trim());
  return blocks
    .filter((block) => block !== '')
    .flatMap((block): ScriptBlock[] => {
      const lines = block.split('\n');
      const at = lines.findIndex((line) => !line.startsWith('#'));
      const comment = lines.slice(0, at < 0 ? lines.length : at).join('\n');
      const command = at < 0 ? [] : [{ command: lines[at]! }];
      return comment === '' ? command : [{ comment }, ...command];
    });
}

/** Takes a command apart. */
export function parseCommand(line: string): ScriptCommand {
  const [name = '', ...rest] = line.match(/(?:[^\s[\]]|\[[^\]]*\])+/g) ?? [];
  const options: Record<string, string> = {};
  const words: string[] = [];
  for (const part of rest) {
    const at = part.indexOf('=');
    if (at > 0) options[part.slice(0, at)] = part.slice(at + 1);
    else words.push(part);
  }
  const truths = Object.entries(options).filter(([, value]) => value === 'true' || value === 'false');
  return { name, words, options, flags: Object.fromEntries(truths.map(([key, value]) => [key, value === 'true'])) };
}

/** Members as traces write them: `[a b c-2 (d)]`, a name with an incarnation where it is not the first, learners in brackets. */
export function membersOf(text: string): MemberLike[] {
  return text
    .replace(/[[\]]/g, '')
    .split(/\s+/)
    .filter((each) => each !== '')
    .map((each) => {
      const name = each.replace(/[()]/g, '');
      const id = name.split('-')[0]!;
      return { id, voter: !each.startsWith('('), ...(name === id ? {} : { incarnation: name }) };
    });
}
