const shardCount = 64;

/** Seats that several have in common count once for each subject: as many as its largest checkout has. */
interface SharedUse {
  readonly counts: number[];
}

/**
 * How many seats each subject of a rule has. In shards, because a map of a million entries stops the event loop each time that
 * it grows.
 */
export class Tally {
  readonly #shards: Map<string, number>[] = [];
  readonly #shared = new Map<string, SharedUse>();
  /** Of the subject '': all whom the rule is for together. */
  #all = 0;

  of(subject: string): number {
    if (subject === '') return this.#all;
    return this.#shard(subject)?.get(subject) ?? 0;
  }

  /** How many more the subject would have with so many seats; `share`: of one that it may have a part in already. */
  more(subject: string, count: number, share: number | undefined): number {
    if (share === undefined) return count;
    return Math.max(0, count - largest(this.#shared.get(`${share} ${subject}`)));
  }

  add(subject: string, count: number, share: number | undefined): void {
    this.#change(subject, this.more(subject, count, share));
    if (share === undefined) return;
    const key = `${share} ${subject}`;
    const use = this.#shared.get(key);
    if (use === undefined) this.#shared.set(key, { counts: [count] });
    else use.counts.push(count);
  }

  remove(subject: string, count: number, share: number | undefined): void {
    if (share === undefined) {
      this.#change(subject, -count);
      return;
    }
    const key = `${share} ${subject}`;
    const use = this.#shared.get(key)!;
    const before = largest(use);
    use.counts.splice(use.counts.indexOf(count), 1);
    if (use.counts.length === 0) this.#shared.delete(key);
    this.#change(subject, largest(use) - before);
  }

  #change(subject: string, by: number): void {
    if (by === 0) return;
    if (subject === '') {
      this.#all += by;
      return;
    }
    const at = shardOf(subject);
    this.#shards[at] ??= new Map<string, number>();
    const shard = this.#shards[at];
    const count = (shard.get(subject) ?? 0) + by;
    if (count === 0) shard.delete(subject);
    else shard.set(subject, count);
  }

  #shard(subject: string): Map<string, number> | undefined {
    return this.#shards[shardOf(subject)];
  }
}

function largest(use: SharedUse | undefined): number {
  return use === undefined ? 0 : use.counts.reduce((most, count) => Math.max(most, count), 0);
}

function shardOf(subject: string): number {
  let hash = 0;
  for (let i = 0; i < subject.length; i++) hash = (Math.imul(hash, 31) + subject.charCodeAt(i)) | 0;
  return (hash >>> 0) % shardCount;
}
