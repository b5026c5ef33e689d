import type { ClientLink } from '../clients/client-link.ts';

/** Where a session is bound: one connection at a time (triad.md, S8). */
export interface Binding {
  readonly link: ClientLink;
  readonly epoch: number;
}

/** Which session speaks on which connection; lives only as long as this server is in control. */
export class Bindings {
  readonly #bySession = new Map<string, Binding>();
  readonly #byLink = new Map<ClientLink, Set<string>>();

  get(session: string): Binding | undefined {
    return this.#bySession.get(session);
  }

  has(session: string): boolean {
    return this.#bySession.has(session);
  }

  /** Whether the session is bound to this very connection under this epoch. */
  isBoundTo(session: string, link: ClientLink, epoch: number): boolean {
    const binding = this.#bySession.get(session);
    return binding !== undefined && binding.link === link && binding.epoch === epoch;
  }

  /** Binds, unless a newer epoch is bound already or the connection has ended meanwhile. */
  bind(session: string, link: ClientLink, epoch: number): void {
    const current = this.#bySession.get(session);
    if (current !== undefined && current.epoch > epoch) return;
    this.unbind(session);
    if (!link.isOpen) return;
    this.#bySession.set(session, { link, epoch });
    const sessions = this.#byLink.get(link);
    if (sessions === undefined) this.#byLink.set(link, new Set([session]));
    else sessions.add(session);
  }

  unbind(session: string): void {
    const binding = this.#bySession.get(session);
    if (binding === undefined) return;
    this.#bySession.delete(session);
    const sessions = this.#byLink.get(binding.link);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#byLink.delete(binding.link);
  }

  /** Unbinds all sessions of a connection that has ended; answers them with their epochs. */
  unbindLink(link: ClientLink): readonly { readonly session: string; readonly epoch: number }[] {
    const unbound = [...(this.#byLink.get(link) ?? [])].map((session) => ({
      session,
      epoch: this.#bySession.get(session)?.epoch ?? 0,
    }));
    for (const { session } of unbound) this.unbind(session);
    return unbound;
  }
}
