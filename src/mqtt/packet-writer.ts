// MQTT packets as bytes, without the library's store of all 65,536 numbers of two bytes: 7 MB that each full collection walks through.
import { generate, writeToStream } from 'mqtt-packet';

/** Making one anew costs 40 ns. */
writeToStream.cacheNumbers = false;

export const packetBytes: typeof generate = generate;
