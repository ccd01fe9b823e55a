// Allow and block list of devices: addresses or prefixes of them (B04).

export type DeviceList = { allow: readonly string[]; block: readonly string[] };

const plain = (text: string): string => text.toUpperCase().replace(/^0X|[\s:._-]/g, '');

/** True for devices that may pass: on the allow list, where there is one, and not on the block list. Block wins. */
export function deviceFilter({ allow, block }: DeviceList): (device: string) => boolean {
  const wanted = allow.map(plain).filter(prefix => prefix !== '');
  const unwanted = block.map(plain).filter(prefix => prefix !== '');
  return device => {
    const name = plain(device);
    const listed = (prefix: string) => name.startsWith(prefix);
    return !unwanted.some(listed) && (wanted.length === 0 || wanted.some(listed));
  };
}
