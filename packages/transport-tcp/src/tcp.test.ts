import { generateKeyPairSync } from 'node:crypto';
import { lookup as systemLookup } from 'node:dns';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type LookupFunction, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { type Connection, isLicError, type Listener, silentLogger, type TransportFactory } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { createFaultControls, faultyTransport, realTransportWorld, transportSuite } from '@lic/testkit';
import forge from 'node-forge';
import { describe, expect, it } from 'vitest';
import { tcp } from './tcp.ts';

/** The look-up of this name never ends. */
const hangingHost = 'hangs.invalid';
const lookup = ((host, options, callback) => {
  if (host !== hangingHost) systemLookup(host, options, callback);
}) satisfies LookupFunction;

const { key, cert } = selfSigned();
const tls = { dial: { ca: cert }, listen: { key, cert } };

const faulty = (factory: TransportFactory): TransportFactory => faultyTransport(factory, createFaultControls());
for (const { name, scheme, wrap } of [
  { name: 'tcp', scheme: 'tcp', wrap: (factory: TransportFactory) => factory },
  { name: 'tls', scheme: 'tls', wrap: (factory: TransportFactory) => factory },
  { name: 'faulty, without faults, over tcp', scheme: 'tcp', wrap: faulty },
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
        const sockets: Socket[] = [];
        const servers: Server[] = [];
        return Promise.resolve(
          realTransportWorld({
            runtime,
            anyPort: `${scheme}://127.0.0.1:0`,
            make: (limits) => wrap(tcp({ ...limits, tls, lookup })),
            hangingAddress: () => Promise.resolve(`${scheme}://${hangingHost}:1`),
            async silentAddress() {
              const server = scheme === 'tcp' ? createServer() : createTlsServer(tls.listen);
              servers.push(server);
              // It reads all and says nothing.
              server.on(scheme === 'tcp' ? 'connection' : 'secureConnection', (socket: Socket) => {
                sockets.push(socket.resume().on('error', () => {}));
              });
              await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
              return `${scheme}://127.0.0.1:${(server.address() as { port: number }).port}`;
            },
            dispose() {
              for (const socket of sockets) socket.destroy();
              for (const server of servers) server.close();
              return Promise.resolve();
            },
          }),
        );
      },
    },
  );

describe('tls', () => {
  const context = { runtime, logger: silentLogger };

  /** A listener of ours, and the next connection that it accepts. */
  async function accept(): Promise<{ listener: Listener; port: number; next: Promise<Connection> }> {
    let take: (connection: Connection) => void = () => {};
    const next = new Promise<Connection>((resolve) => {
      take = resolve;
    });
    const listener = await tcp({ tls })(context).listen('tls://127.0.0.1:0', { onConnection: take });
    return { listener, port: Number(listener.address.split(':').at(-1)), next };
  }

  it('takes an end of the stream that the other side did not announce as a reset', async () => {
    const { listener, port, next } = await accept();
    const stranger = connectTls({ port, host: '127.0.0.1', ca: cert });
    stranger.on('error', () => {});
    const connection = await next;
    connection.onFrame(() => {});
    // Whether close_notify comes with it Node does not tell: a FIN alone anybody on the way could send.
    stranger.end();
    const kind = await new Promise((resolve) => connection.onClose((reason) => resolve(reason.kind)));
    expect(kind).toBe('reset');
    await listener.close();
  });

  it('refuses a certificate that it has no reason to trust', async () => {
    const { listener } = await accept();
    const dial = tcp()(context).dial(listener.address);
    await expect(dial).rejects.toSatisfy((error) => isLicError(error, 'DIAL_FAILED'));
    await expect(dial).rejects.toThrow(/self-signed certificate/);
    await listener.close();
  });

  it('speaks TLS 1.3 and nothing older', async () => {
    const { listener, port } = await accept();
    const old = connectTls({ port, host: '127.0.0.1', ca: cert, maxVersion: 'TLSv1.2' });
    const [error] = (await once(old, 'error')) as [Error];
    expect(String(error)).toMatch(/protocol version/);
    await listener.close();
  });

  it('drops a handshake that does not end', async () => {
    const listener = await tcp({ tls, handshakeMsMax: 50 })(context).listen('tls://127.0.0.1:0', {
      onConnection: () => expect.unreachable(),
    });
    const dumb = connectTcp(Number(listener.address.split(':').at(-1)), '127.0.0.1');
    dumb.on('error', () => {}).resume();
    await once(dumb, 'close');
    await listener.close();
  });
});

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
