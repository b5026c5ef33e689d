const shardCount = 64;

/**
 * Records by a random base64url id. In shards, because one map of a million entries stops the event loop for 100 ms each
 * time that it grows.
 */
export class IdIndex<R> {
  readonly #shards: Map<string, R>[] = Array.from({ length: shardCount }, () => new Map<string, R>());

  get(id: string): R | undefined {
    return this.#shard(id).get(id);
  }

  set(id: string, record: R): void {
    this.#shard(id).set(id, record);
  }

  delete(id: string): void {
    this.#shard(id).delete(id);
  }

  #shard(id: string): Map<string, R> {
    return this.#shards[id.charCodeAt(0) % shardCount]!;
  }
}
