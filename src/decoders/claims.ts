// Whether decoders know an archived advert, without decoding it: for counting what a new decoder would read.
import type { Advert } from '../reading/advert.ts';
import { advertOf } from './advert-record.ts';
import type { AdvertDecoder } from './define.ts';
import { jsonOf } from './members.ts';

/** True where one of the decoders matches an advert of the message. Never throws. */
export function claimsAdvert(bytes: Uint8Array, decoders: readonly AdvertDecoder[]): boolean {
  const content = jsonOf(bytes);
  return (Array.isArray(content) ? content : [content]).some(record => {
    const advert = advertOf(record);
    if ('rejected' in advert) return false;
    return decoders.some(decoder => {
      try {
        return mayAsk(decoder, advert) && decoder.matches(advert);
      } catch {
        return false;
      }
    });
  });
}

/** A decoder is asked only about adverts with one of its keys. */
function mayAsk({ keys }: AdvertDecoder, { manufacturerData, serviceData }: Advert): boolean {
  return keys === undefined || keys.some(key => manufacturerData.has(key) || serviceData.has(key));
}
