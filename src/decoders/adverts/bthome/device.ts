// Who sends BTHome: models by advertised name, the key check of encrypted frames.
import type { Advert } from '../../../reading/advert.ts';
import { openSealed } from '../../aes-ccm.ts';
import type { DecodedAdvert } from '../../define.ts';
import type { FrameCounter } from '../../replay-guard.ts';

const modelsByName: readonly (readonly [prefix: string, model: string])[] = [
  ['SBBT-002C', 'Shelly BLU Button1'],
  ['SBBT-102C', 'Shelly BLU Button1 ZB'],
  ['SBBT-004CEU', 'Shelly BLU Wall Switch 4'],
  ['SBBT-EU', 'Shelly BLU Wall Switch 4'],
  ['SBBT-004CUS', 'Shelly BLU RC Button 4'],
  ['SBBT-US', 'Shelly BLU RC Button 4'],
  ['SBDW-002C', 'Shelly BLU Door/Window'],
  ['SBHT-003C', 'Shelly BLU H&T'],
  ['SBHT-103C', 'Shelly BLU H&T Display ZB'],
  ['SBHT-203C', 'Shelly BLU H&T ZB'],
  ['SBMO-003Z', 'Shelly BLU Motion'],
  ['SBRC-005B', 'Shelly BLU Remote'],
  ['SBTR-001AEU', 'Shelly BLU TRV'],
  ['SBWS-90CM', 'Shelly BLU Weather Station'],
  ['ATC_', 'Xiaomi thermometer with custom firmware'],
  ['LYWSD03MMC', 'Xiaomi LYWSD03MMC'],
  ['prst', 'b-parasite'],
];

export const bthomeModels: readonly string[] = [...new Set(modelsByName.map(([, model]) => model))];

export function modelOf(name: string | undefined): string {
  return modelsByName.find(([prefix]) => name?.startsWith(prefix))?.[1] ?? 'BTHome device';
}

/** The counter stands before the tag. */
export function counterOf(sealed: Uint8Array): FrameCounter {
  const at = sealed.length - 8;
  const value = new DataView(sealed.buffer, sealed.byteOffset, sealed.length).getUint32(at, true);
  return { value, bits: 32 };
}

/** A recognised frame that gives no values, and why. */
export function withoutValues(reason: string, encrypted: boolean): DecodedAdvert {
  return { telemetry: {}, quality: { payload: reason }, metadata: encrypted ? { encrypted: true } : {} };
}

export function macBytes(address: string | undefined): Uint8Array | undefined {
  const hex = address?.replaceAll(':', '') ?? '';
  return /^[0-9A-Fa-f]{12}$/.test(hex) ? new Uint8Array(Buffer.from(hex, 'hex')) : undefined;
}

/**
 * Opens `ciphertext | counter (4) | tag (4)`; the nonce is address, `between` (UUID and, in version 2, device
 * information byte) and counter. The text is the reason why it stays closed.
 */
export function openBthome(
  advert: Advert,
  address: Uint8Array | undefined,
  between: readonly number[],
  sealed: Uint8Array,
  associated?: Uint8Array,
): Uint8Array | string {
  if (advert.bindkey === undefined) return 'encrypted, key missing';
  if (advert.bindkey.length !== 16) return `encrypted, key has ${advert.bindkey.length} bytes instead of 16`;
  if (address === undefined) return 'encrypted, device address missing';
  const tag = sealed.subarray(-4);
  const counter = sealed.subarray(-8, -4);
  const nonce = Buffer.concat([address, Buffer.from(between), counter]);
  const plain = openSealed({
    key: advert.bindkey,
    nonce,
    ciphertext: sealed.subarray(0, -8),
    tag,
    ...(associated === undefined ? {} : { associated }),
  });
  return plain ?? 'encrypted, wrong key or damaged frame';
}
