/** Whom the crowd is made of: as many as have a few hundred grants each where there are a million. */
export const usersMax = 2_000;

/** Features with more seats than are ever held. */
export const featureNames = Array.from({ length: 10 }, (_, at) => `feature-${at}`);
/** One without a free seat. */
export const fullFeature = 'full';

export function userOf(session: number): string {
  return `u${session % usersMax}`;
}

/** Everybody works on several hosts. */
export function hostOf(session: number): string {
  return `h${(session * 3) % usersMax}`;
}

/** From where the client came, as a server saw it. */
export function addressOf(session: number): string {
  const host = (session * 3) % usersMax;
  return `10.${host >> 8}.${host & 255}.7`;
}

/** An id as random ones are: base64url of 16 bytes, the first of them evenly spread. */
export function sessionId(session: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(Math.imul(session + 1, 0x9e3779b1) >>> 0);
  bytes.writeUInt32BE(session, 4);
  return bytes.toString('base64url');
}
