// What an advert decoder is: one object of one file, the same for those that ship and for those of a user's folder.
import type { Advert } from '../reading/advert.ts';
import type { Metadata, Value } from '../reading/reading.ts';
import type { AdvertRecord } from './advert-record.ts';
import type { Range } from './plausible.ts';
import type { FrameCounter } from './replay-guard.ts';

/** What an advert says. Values in the units of the metric vocabulary (°C, %, hPa, V, mm …). */
export type DecodedAdvert = {
  /** Empty where the device is recognised but gives no values. */
  telemetry: Record<string, Value>;
  deviceModel?: string;
  /** metric → why it is absent although the format has a place for it. */
  quality?: Record<string, string>;
  /** Time the device gives for its values: ISO 8601 or a number as `isoTime` takes it. */
  time?: string | number;
  metadata?: Metadata;
  /** Of encrypted frames that count: what lets a node refuse a recorded frame that is sent again. */
  counter?: FrameCounter;
};

/** `rejected` is one sentence fragment without a value of the message in it that a log could not bear. */
export type Decoded = DecodedAdvert | { rejected: string };

/** `gives` is the exact telemetry; `rejects` a part of the reason. `origin` says where the bytes stand in public. */
export type DecoderExample = { name: string; advert: AdvertRecord; origin?: string } & (
  | { gives: Readonly<Record<string, Value>> }
  | { rejects: string }
);

export type AdvertDecoder = {
  /** Lower case with dashes, the name of its file; becomes `metadata.parser`. */
  name: string;
  vendor: string;
  models: readonly string[];
  /**
   * A frame that many makers put their own values into (iBeacon, battery service): asked only after all others, which may
   * claim what it claims.
   */
  generic?: boolean;
  /**
   * Company ids and service UUIDs, as they stand in an advert: it must carry one of them for the decoder to be asked.
   * Without them it is asked about every advert, which costs time where thousands a second are heard.
   */
  keys?: readonly string[];
  /** metric → lowest and highest value that the layout itself documents, where that is more than is plausible elsewhere. */
  ranges?: Readonly<Record<string, Range>>;
  /** Cheap and certain: is this advert of this format? No other decoder may say yes to the same advert. */
  matches(advert: Advert): boolean;
  /** Pure: never throws, logs, waits, reads a clock or keeps anything between two calls. */
  decode(advert: Advert): Decoded;
  /** Where the layout is published. */
  source: string;
  examples: readonly DecoderExample[];
};

/** Keeps the type at the place of definition, so that an editor helps while a decoder is written. */
export function defineDecoder(decoder: AdvertDecoder): AdvertDecoder {
  return decoder;
}
