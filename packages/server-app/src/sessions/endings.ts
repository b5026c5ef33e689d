import type { EndReason, GrantView } from '@lic/core';

/** An *ending* grant as its client is told of it. */
export interface EndingNotice {
  readonly grant: string;
  readonly reason: EndReason;
  /** The operator's words. */
  readonly note?: string;
}

/** The *ending* grants of a term by session: every heartbeat's answer names those of its session, and hardly any has one. */
export class Endings {
  readonly #bySession = new Map<string, EndingNotice[]>();

  constructor(grants: Iterable<GrantView>) {
    for (const grant of grants) this.add(grant);
  }

  of(session: string): readonly EndingNotice[] {
    return this.#bySession.get(session) ?? none;
  }

  /** Notes a grant that is ending; answers how its client is told, or undefined where it is not ending. */
  add({ id, session, ending }: GrantView): EndingNotice | undefined {
    if (ending === undefined) return undefined;
    const notice = { grant: id, ...ending };
    const notices = this.#bySession.get(session);
    if (notices === undefined) this.#bySession.set(session, [notice]);
    else notices.push(notice);
    return notice;
  }

  /** Harmless for a grant that was not ending. */
  delete({ id, session, ending }: GrantView): void {
    if (ending === undefined) return;
    const left = this.of(session).filter(({ grant }) => grant !== id);
    if (left.length > 0) this.#bySession.set(session, left);
    else this.#bySession.delete(session);
  }
}

const none: readonly EndingNotice[] = [];
