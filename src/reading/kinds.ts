// What a raw message is, told by its topic: which decoder takes it when it comes out of the archive or the dead letters.

/** advert: advert-decode. frame: laser-decode. message: normalize. modbus: none, its register map is not archived. */
export type RawKind = 'advert' | 'frame' | 'message' | 'modbus';

/** Topics of the sources: adverts at `bt-mqtt/raw` and below, as the filter `bt-mqtt/raw/#` takes both; frames of GATT links below `ble/`. */
export function kindOf(topic: string): RawKind {
  if (`${topic}/`.startsWith('bt-mqtt/raw/')) return 'advert';
  if (topic.startsWith('ble/')) return 'frame';
  return topic.startsWith('modbus/') ? 'modbus' : 'message';
}

/** The members of each kind, in their order. Below `modbus/` it is messages alone: frames are not sent again. */
export function byKind<T extends { topic: string }>(
  members: readonly T[],
): Readonly<Record<Exclude<RawKind, 'modbus'>, readonly T[]>> {
  const sorted: Record<Exclude<RawKind, 'modbus'>, T[]> = { advert: [], frame: [], message: [] };
  for (const member of members) {
    const kind = kindOf(member.topic);
    sorted[kind === 'modbus' ? 'message' : kind].push(member);
  }
  return sorted;
}
