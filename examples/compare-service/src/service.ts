import { type Client, isDenialError } from '@lic/client';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import { compareDocuments, DocumentError } from './compare.ts';

/** Bounds of a request. */
export const serviceLimits = { bodyBytesMax: 8 * 1024 * 1024, waitSecondsMax: 60 } as const;

const requestSchema = z.strictObject({
  format: z.enum(['json', 'xml']),
  left: z.string(),
  right: z.string(),
  /** Seconds to wait in the queue where all seats are in use; none: answered at once. */
  waitSeconds: z.number().min(0).max(serviceLimits.waitSecondsMax).default(0),
});

/** What the service is made from. */
export interface CompareServiceOptions {
  readonly client: Client;
  readonly feature: string;
}

/**
 * The product: `POST /compare` takes a seat when the operation starts and gives it back when it ends (triad.md, S1).
 * 429 with the denial's facts where all seats are in use; 503 where no server is in control.
 */
export function createCompareService({ client, feature }: CompareServiceOptions): Hono {
  const service = new Hono();
  const tooLarge = bodyLimit({
    maxSize: serviceLimits.bodyBytesMax,
    onError: (context) =>
      context.json({ code: 'TOO_LARGE', message: `The documents exceed ${serviceLimits.bodyBytesMax} bytes.` }, 413),
  });

  service.post('/compare', tooLarge, async (context) => {
    const body: unknown = await context.req.json().catch(() => undefined);
    const request = requestSchema.safeParse(body);
    if (!request.success) return context.json({ code: 'BAD_REQUEST', message: z.prettifyError(request.error) }, 400);
    const { waitSeconds, ...documents } = request.data;
    const result = await client.withLicense(feature, () => compareDocuments(documents), {
      wait: waitSeconds * 1_000,
      signal: context.req.raw.signal,
    });
    return context.json(result);
  });

  service.get('/', (context) =>
    context.text(
      'POST /compare {"format":"json"|"xml","left":"…","right":"…","waitSeconds":0}: one seat for each operation.\n',
    ),
  );

  service.onError((error, context) => {
    if (isDenialError(error)) return context.json({ ...error.denial }, 429);
    if (error instanceof DocumentError)
      return context.json({ code: 'BAD_DOCUMENT', side: error.side, message: error.message }, 422);
    const code = (error as { readonly code?: unknown }).code;
    if (code === 'NO_QUORUM' || code === 'NO_SERVER' || code === 'BUSY') {
      context.header('retry-after', '1');
      return context.json({ code, message: error.message }, 503);
    }
    return context.json({ code: 'INTERNAL', message: error.message }, 500);
  });
  return service;
}
