import { LicError, type PeerChannel, type PeerLink } from '@lic/interfaces';
import { peerLimits } from './peer-frames.ts';
import type { PhysicalLink } from './physical-link.ts';

/** The named channels of one server, and who listens on each. */
export class ChannelBoard {
  readonly #channels = new Map<string, { readonly channel: PeerChannel; listener?: (link: PeerLink) => void }>();
  readonly #linksUp: () => readonly PhysicalLink[];

  constructor(linksUp: () => readonly PhysicalLink[]) {
    this.#linksUp = linksUp;
  }

  /** The channel of that name, always the same object. Throws `CHANNEL_NAME` for an empty or too long one. */
  channel(name: string): PeerChannel {
    const known = this.#channels.get(name);
    if (known !== undefined) return known.channel;
    if (name.length === 0 || name.length > peerLimits.channelNameCharsMax) {
      throw new LicError(
        'CHANNEL_NAME',
        `"${name}" can't name a channel: 1 to ${peerLimits.channelNameCharsMax} characters.`,
      );
    }
    const entry: { readonly channel: PeerChannel; listener?: (link: PeerLink) => void } = {
      channel: {
        onLink: (listener) => {
          entry.listener = listener;
          for (const link of this.#linksUp()) listener(link.view(name));
        },
      },
    };
    this.#channels.set(name, entry);
    return entry.channel;
  }

  /** A link is up: shows it to the listeners of all channels. */
  show(link: PhysicalLink): void {
    for (const [name, { listener }] of this.#channels) listener?.(link.view(name));
  }
}
