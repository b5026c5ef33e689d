import { type Connection, isLicError, silentLogger } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from './address.ts';
import { tcp } from './tcp.ts';

const context = { runtime, logger: silentLogger };

describe('tcp options', () => {
  it.each([
    { frameBytesMax: 0 },
    { frameBytesMax: 1.5 },
    { dialMsMax: Number.NaN },
    { lowWaterBytes: 2, highWaterBytes: 1 },
    { highWaterBytes: 2 ** 30 },
    { pingAfterMs: 100, silenceMsMax: 199 },
  ])('that make no sense are refused: %o', (options) => {
    expect(() => tcp(options)).toThrow(expect.toSatisfy((error) => isLicError(error, 'OPTION_INVALID')));
  });

  it('say what listening on tls needs', async () => {
    const listen = tcp()(context).listen('tls://127.0.0.1:0', { onConnection: () => {} });
    await expect(listen).rejects.toThrow(/can't listen on tls:.*key and a certificate/);
    const nonsense = tcp({ tls: { listen: { key: 'no key', cert: 'no certificate' } } })(context);
    const refused = nonsense.listen('tls://127.0.0.1:0', { onConnection: () => {} });
    await expect(refused).rejects.toSatisfy((error) => isLicError(error, 'LISTEN_FAILED'));
  });
});

describe('tcp addresses', () => {
  it('take hosts by name, IPv4 and IPv6', () => {
    const parse = (address: string) => parseAddress(address, ['tcp'], 0);
    expect(parse('tcp://lic1.example.com:7411')).toEqual({ scheme: 'tcp', host: 'lic1.example.com', port: 7411 });
    expect(parse('tcp://[::1]:0')).toEqual({ scheme: 'tcp', host: '::1', port: 0 });
    expect(parse('tcp://[fe80::1%eth0]:1')).toEqual({ scheme: 'tcp', host: 'fe80::1%eth0', port: 1 });
  });

  it('are written so that they can be dialled again', () => {
    expect(formatAddress('tcp', '::1', 7411)).toBe('tcp://[::1]:7411');
    expect(formatAddress('tcp', '::ffff:10.0.0.1', 7411)).toBe('tcp://10.0.0.1:7411');
    expect(formatAddress('tls', '10.0.0.1', 7411)).toBe('tls://10.0.0.1:7411');
  });

  it('work over IPv6', async () => {
    const transport = tcp()(context);
    const accepted: Connection[] = [];
    const listener = await transport.listen('tcp://[::1]:0', { onConnection: (one) => accepted.push(one) });
    expect(listener.address).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
    const connection = await transport.dial(listener.address);
    expect(connection.remote).toBe(listener.address);
    connection.abort();
    for (const one of accepted) one.abort();
    await listener.close();
  });

  it('that nobody can bind are LISTEN_FAILED', async () => {
    const listen = tcp()(context).listen('tcp://203.0.113.1:7411', { onConnection: () => {} });
    await expect(listen).rejects.toThrow(/this machine has no such address/);
  });
});
