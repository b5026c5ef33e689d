/** Takes the fields of one record in their order: a hash, or the bytes of a snapshot. */
export interface RecordSink {
  /** A safe integer from 0. */
  uint(value: number): void;
  /** A text that occurs in many records. */
  name(value: string): void;
  text(value: string): void;
}

/** Gives the fields back in the same order. Throws where the bytes end or make no sense. */
export interface RecordSource {
  uint(): number;
  name(): string;
  text(): string;
}
