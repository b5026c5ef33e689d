import { hostname, userInfo } from 'node:os';
import { serve } from '@hono/node-server';
import { createClient } from '@lic/client';
import { tcp } from '@lic/transport-tcp';
import { ws } from '@lic/transport-ws';
import { createCompareService } from './service.ts';

/**
 * Where the license servers are, and who signs for them. A real product compiles the vendor's key in; an example is
 * started against a triad whose vendor key was made a minute ago.
 */
const servers = (process.env['LIC_SERVERS'] ?? 'tcp://127.0.0.1:7411,tcp://127.0.0.1:7421,tcp://127.0.0.1:7431').split(
  ',',
);
const vendorKey = process.env['LIC_VENDOR_KEY'];
if (vendorKey === undefined) {
  process.stderr.write('compare-service: set LIC_VENDOR_KEY to the text in vendor.pub\n');
  process.exit(2);
}

const client = createClient({
  servers,
  transports: [tcp(), ws()],
  vendorKey,
  identity: { user: userInfo().username, host: hostname() },
  agent: 'compare-service',
});
const service = createCompareService({ client, feature: 'compare' });
const server = serve(
  { fetch: service.fetch, hostname: '127.0.0.1', port: Number(process.env['PORT'] ?? 8080) },
  ({ port }) => process.stdout.write(`compare-service on http://127.0.0.1:${port}\n`),
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close();
    void client.close();
  });
}
