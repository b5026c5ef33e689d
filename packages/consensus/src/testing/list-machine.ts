import type { StateMachine } from '@lic/interfaces';

/** A machine whose state is the list of commands, as text. The command `slow:…` is prepared asynchronously, `refuses` can't be. */
export class ListMachine implements StateMachine<string> {
  list: string[] = [];
  index = 0;
  restores = 0;
  /** A command that this server can't prepare. */
  refuses: string | undefined;

  prepare(command: Uint8Array): Promise<void> | undefined {
    const text = Buffer.from(command).toString();
    if (text === this.refuses) return Promise.reject(new Error('the signature is wrong'));
    return text.startsWith('slow:') ? Promise.resolve() : undefined;
  }

  apply(index: number, command: Uint8Array): string {
    if (index <= this.index) throw new Error(`entry ${index} was applied twice`);
    this.index = index;
    this.list.push(Buffer.from(command).toString());
    return `${this.list.length}`;
  }

  snapshot(): AsyncGenerator<Uint8Array> {
    const frozen = JSON.stringify({ list: this.list, index: this.index });
    return pieces(frozen);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = '';
    for await (const chunk of chunks) text += Buffer.from(chunk).toString();
    Object.assign(this, JSON.parse(text) as object);
    this.restores += 1;
  }

  hash(): string {
    return this.list.join();
  }
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 1000) yield Buffer.from(text.slice(at, at + 1000));
}
