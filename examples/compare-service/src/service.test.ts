import { type Client, ClientError, DenialError } from '@lic/client';
import { describe, expect, it } from 'vitest';
import { createCompareService } from './service.ts';

/** A client whose pool has so many seats; what matters here is when the service takes one and gives it back. */
function poolOf(seats: number): { readonly client: Client; taken(): number } {
  let taken = 0;
  const client = {
    async withLicense(feature: string, operation: () => unknown) {
      if (taken >= seats) {
        throw new DenialError({
          code: 'NO_SEATS',
          feature,
          message: 'All seats are in use.',
          requested: 1,
          count: seats,
          inUse: taken,
        });
      }
      taken++;
      try {
        return await operation();
      } finally {
        taken--;
      }
    },
  };
  return { client: client as unknown as Client, taken: () => taken };
}

const post = (client: Client, body: unknown) =>
  createCompareService({ client, feature: 'compare' }).request('/compare', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const documents = { format: 'json', left: '{"a":1}', right: '{"a":2}' };

describe('the compare service', () => {
  it('compares under a seat, and gives it back whatever comes of it', async () => {
    const pool = poolOf(1);
    const answer = await post(pool.client, documents);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ equal: false, patch: [{ op: 'replace', path: '/a', value: 2 }] });
    const broken = await post(pool.client, { ...documents, right: '{' });
    expect(broken.status).toBe(422);
    expect(await broken.json()).toMatchObject({ code: 'BAD_DOCUMENT', side: 'right' });
    expect(pool.taken()).toBe(0);
  });

  it("answers 429 with the denial's facts where all seats are in use", async () => {
    const answer = await post(poolOf(0).client, documents);
    expect(answer.status).toBe(429);
    expect(await answer.json()).toMatchObject({ code: 'NO_SEATS', feature: 'compare', count: 0, inUse: 0 });
  });

  it('answers 503 where no server is in control', async () => {
    const client = {
      withLicense: () => Promise.reject(new ClientError('NO_QUORUM', 'No server is in control.')),
    } as unknown as Client;
    const answer = await post(client, documents);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it.each([
    undefined,
    {},
    { ...documents, format: 'csv' },
    { ...documents, more: 1 },
    { ...documents, waitSeconds: 61 },
  ])('refuses a request that it does not understand: %j', async (body) => {
    expect((await post(poolOf(1).client, body)).status).toBe(400);
  });
});
