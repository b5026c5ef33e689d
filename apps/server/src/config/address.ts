/** What an address is to be, for errors. */
export const addressExpected = 'expected tcp://host:port, tls://, ws:// or wss://, an IPv6 host in brackets';

const pattern = /^(?:tcp|tls|ws|wss):\/\/(?:\[[0-9a-f:.]+(?:%[\w.-]+)?\]|[\w.-]+):(\d{1,5})$/i;
const portMax = 65_535;

/** Whether a server can bind this; port 0 takes a free one. */
export function isBindable(address: string): boolean {
  const [, port] = pattern.exec(address) ?? [];
  return port !== undefined && Number(port) <= portMax;
}

/** Whether a server can be dialled at this. */
export function isDialable(address: string): boolean {
  return isBindable(address) && !/:0+$/.test(address);
}
