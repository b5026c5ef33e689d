import { describe, expect, it } from 'vitest';
import { hostIdOf } from './host-id.ts';

const machineId = 'b08dfa6083e7567a1921a715000001fb';
const productUuid = '4C4C4544-0032-4E10-8051-C7C04F4B5931';
const macs = ['3c:fd:fe:00:00:01', '3c:fd:fe:00:00:02'];

describe('the host id', () => {
  it('is bound to the machine id where there is one, so network cards may come and go', () => {
    const id = hostIdOf({ machineId, productUuid, macs });
    expect(id).toMatch(/^machine:[0-9a-f]{32}$/);
    expect(hostIdOf({ machineId })).toBe(id);
    expect(hostIdOf({ machineId, macs: [] })).toBe(id);
    expect(id).not.toContain(machineId);
  });

  it('does not depend on how a fact is written', () => {
    expect(hostIdOf({ machineId: `${machineId.toUpperCase()}\n` })).toBe(hostIdOf({ machineId }));
    expect(hostIdOf({ productUuid: `{${productUuid.toLowerCase()}}` })).toBe(hostIdOf({ productUuid }));
    expect(hostIdOf({ macs: ['3C-FD-FE-00-00-02', '3cfd.fe00.0001', '3c:fd:fe:00:00:01'] })).toBe(hostIdOf({ macs }));
  });

  it('stays as it is from release to release', () => {
    expect([hostIdOf({ machineId }), hostIdOf({ productUuid }), hostIdOf({ macs })]).toMatchInlineSnapshot(`
      [
        "machine:f25d063c91a148959edb02fd8959b639",
        "product:816db06b95e01162e748abf804cdb397",
        "mac:d2cb7905f944fb030e908958e00d660d",
      ]
    `);
  });

  it('is bound to the product UUID without a machine id, and to all network cards without either', () => {
    expect(hostIdOf({ productUuid, macs })).toMatch(/^product:/);
    const id = hostIdOf({ macs });
    expect(id).toMatch(/^mac:/);
    expect(hostIdOf({ macs: macs.slice(1) })).not.toBe(id);
    expect(hostIdOf({ macs: [...macs, '3c:fd:fe:00:00:03'] })).not.toBe(id);
  });

  it('takes no notice of addresses that software makes up, nor of broken ones', () => {
    const others = ['02:42:ac:11:00:02', '52:54:00:12:34:56', '01:00:5e:00:00:01', '00:00:00:00:00:00', 'eth0', ''];
    expect(hostIdOf({ macs: [...macs, ...others] })).toBe(hostIdOf({ macs }));
  });

  it('passes over what many machines share', () => {
    for (const shared of ['', ' \n', 'uninitialized', '0'.repeat(32), '00000000-0000-0000-0000-000000000000']) {
      expect(hostIdOf({ machineId: shared, macs })).toBe(hostIdOf({ macs }));
    }
    for (const shared of ['FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', '03000200-0400-0500-0006-000700080009']) {
      expect(hostIdOf({ productUuid: shared, macs })).toBe(hostIdOf({ macs }));
    }
  });

  it('is refused where nothing tells this machine from others', () => {
    for (const facts of [{}, { machineId: '' }, { macs: ['02:42:ac:11:00:02'] }]) {
      expect(() => hostIdOf(facts)).toThrow(expect.objectContaining({ code: 'HOST_ID_UNKNOWN' }));
    }
  });
});
