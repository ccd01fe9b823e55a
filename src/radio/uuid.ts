// UUIDs as people write them, the one form in which noble's are compared, and the form in which they are shown.

const BASE = /^0000([0-9a-f]{4})00001000800000805f9b34fb$/;

/** Lower case, without dashes; those of the Bluetooth base are 4 digits, which noble leaves without leading zeros. */
export function uuidKey(text: string): string {
  const plain = text.trim().toLowerCase().replaceAll('-', '').replace(/^0x/, '');
  const short = BASE.exec(plain)?.[1] ?? plain;
  return short.length < 4 ? short.padStart(4, '0') : short;
}

/** 4 digits, or whole with dashes. */
export function uuidText(text: string): string {
  const key = uuidKey(text);
  return key.length === 32 ? key.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : key;
}
