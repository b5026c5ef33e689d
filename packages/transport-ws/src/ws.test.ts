import { generateKeyPairSync } from 'node:crypto';
import { lookup as systemLookup } from 'node:dns';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { TransportFactory } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { createFaultControls, faultyTransport, realTransportWorld, transportSuite } from '@lic/testkit';
import forge from 'node-forge';
import { describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { ws } from './node/ws.ts';

/** The look-up of this name never ends. */
const hangingHost = 'hangs.invalid';
const lookup = ((host, options, callback) => {
  if (host !== hangingHost) systemLookup(host, options, callback);
}) satisfies LookupFunction;

const { key, cert } = selfSigned();
const tls = { dial: { ca: cert }, listen: { key, cert } };

const faulty = (factory: TransportFactory): TransportFactory => faultyTransport(factory, createFaultControls());
for (const { name, scheme, wrap } of [
  { name: 'ws', scheme: 'ws', wrap: (factory: TransportFactory) => factory },
  { name: 'wss', scheme: 'wss', wrap: (factory: TransportFactory) => factory },
  { name: 'faulty, without faults, over ws', scheme: 'ws', wrap: faulty },
])
  transportSuite(
    { describe, it, expect },
    {
      name,
      capabilities: {
        canAbort: true,
        seesOrderlyEnd: true,
        addressForPortZero: true,
        canHalfOpen: true,
        canHangDial: true,
      },
      makeWorld() {
        const webSockets: WebSocket[] = [];
        const servers: Server[] = [];
        return Promise.resolve(
          realTransportWorld({
            runtime,
            anyPort: `${scheme}://127.0.0.1:0`,
            make: (limits) => wrap(ws({ ...limits, tls, lookup })),
            hangingAddress: () => Promise.resolve(`${scheme}://${hangingHost}:1`),
            async silentAddress() {
              const server = scheme === 'ws' ? createHttpServer() : createHttpsServer(tls.listen);
              servers.push(server);
              // It reads all and says nothing, not even pong.
              new WebSocketServer({ server, autoPong: false }).on('connection', (webSocket) =>
                webSockets.push(webSocket),
              );
              await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
              return `${scheme}://127.0.0.1:${(server.address() as { port: number }).port}`;
            },
            dispose() {
              for (const webSocket of webSockets) webSocket.terminate();
              for (const server of servers) server.close();
              return Promise.resolve();
            },
          }),
        );
      },
    },
  );

function selfSigned(): { key: string; cert: string } {
  const pem = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(pem.publicKey);
  certificate.serialNumber = '01';
  certificate.validity.notBefore = new Date(Date.now() - 3_600_000);
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
  const name = [{ name: 'commonName', value: 'lic test' }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true },
    {
      name: 'subjectAltName',
      altNames: [
        { type: 7, ip: '127.0.0.1' },
        { type: 2, value: 'localhost' },
      ],
    },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(pem.privateKey), forge.md.sha256.create());
  return { key: pem.privateKey, cert: forge.pki.certificateToPem(certificate) };
}
