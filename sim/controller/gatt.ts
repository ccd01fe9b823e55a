// GATT server of an emulated device: a table of attributes and the answers to ATT requests (Core 5.4, Vol 3 Parts F and G).

export type CharacteristicOptions = {
  uuid: string;
  properties: number;
  value?: Uint8Array;
  onWrite?: (value: Uint8Array) => void;
};
export type ServiceOptions = { uuid: string; characteristics: readonly CharacteristicOptions[] };

export const PROPERTY = { read: 0x02, writeSilent: 0x04, write: 0x08, notify: 0x10, indicate: 0x20 } as const;

type Attribute = {
  handle: number;
  type: string;
  value: () => Uint8Array;
  write?: (value: Uint8Array) => void;
  /** Last handle of the service; of services alone. */
  end?: number;
  readable: boolean;
};

export type GattServer = {
  /** The answer to a request, if it is one that is answered. */
  answer(request: Buffer): Buffer | undefined;
  /** Notifies or indicates, as the host has asked; indications go one by one. False: nobody has subscribed. */
  push(characteristic: string, value: Uint8Array): boolean;
  /** A new connection: nothing is subscribed. */
  reset(send: (pdu: Buffer) => void): void;
};

const OP = {
  error: 0x01,
  mtu: 0x02,
  findInfo: 0x04,
  readByType: 0x08,
  read: 0x0a,
  readBlob: 0x0c,
  readByGroup: 0x10,
  write: 0x12,
  notification: 0x1b,
  indication: 0x1d,
  confirmation: 0x1e,
  writeCommand: 0x52,
} as const;
const ERROR = { handle: 0x01, read: 0x02, write: 0x03, notSupported: 0x06, notFound: 0x0a } as const;
const MTU = 247;

const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex').reverse();
const u16 = (value: number): Buffer => Buffer.of(value & 0xff, value >> 8);

export function gattServer(services: readonly ServiceOptions[]): GattServer {
  const attributes: Attribute[] = [];
  /** By characteristic: value handle and what the host wrote to its configuration. */
  const configured = new Map<string, { handle: number; wants: number }>();
  let send = (_pdu: Buffer): void => {};
  let mtu = 23;
  const indications: Buffer[] = [];
  let unconfirmed = false;

  for (const service of services) addService(service);

  function add(type: string, value: () => Uint8Array, write?: (value: Uint8Array) => void, readable = true): Attribute {
    const attribute: Attribute = { handle: attributes.length + 1, type, value, readable, ...(write && { write }) };
    attributes.push(attribute);
    return attribute;
  }

  function addService({ uuid, characteristics }: ServiceOptions): void {
    const service = add('2800', () => bytesOf(uuid));
    for (const { uuid: own, properties, value = new Uint8Array(), onWrite } of characteristics) {
      const handle = attributes.length + 2;
      add('2803', () => Buffer.concat([Buffer.of(properties), u16(handle), bytesOf(own)]));
      add(own, () => value, onWrite, (properties & PROPERTY.read) !== 0);
      if ((properties & (PROPERTY.notify | PROPERTY.indicate)) === 0) continue;
      const state = { handle, wants: 0 };
      configured.set(own, state);
      add(
        '2902',
        () => u16(state.wants),
        written => {
          state.wants = written[0] ?? 0;
        },
      );
    }
    service.end = attributes.length;
  }

  const errorTo = (request: Buffer, handle: number, code: number): Buffer =>
    Buffer.concat([Buffer.of(OP.error, request[0]!), u16(handle), Buffer.of(code)]);

  /** Entries of one length, as many as fit. */
  function list(request: Buffer, start: number, entries: readonly Buffer[]): Buffer {
    const first = entries[0];
    if (first === undefined) return errorTo(request, start, ERROR.notFound);
    const answer: Buffer[] = [Buffer.of(request[0]! + 1, first.length)];
    let length = 2;
    for (const entry of entries) {
      if (entry.length !== first.length || length + entry.length > mtu) break;
      answer.push(entry);
      length += entry.length;
    }
    return Buffer.concat(answer);
  }

  function byRange(request: Buffer): Buffer {
    const start = request.readUInt16LE(1);
    const end = request.readUInt16LE(3);
    const within = attributes.filter(({ handle }) => handle >= start && handle <= end);
    if (request[0] === OP.findInfo) {
      const first = within[0];
      if (first === undefined) return errorTo(request, start, ERROR.notFound);
      const format = first.type.length === 4 ? 1 : 2;
      const entries = within.map(({ handle, type }) => Buffer.concat([u16(handle), bytesOf(type)]));
      const answer = list(request, start, entries);
      answer[1] = format;
      return answer;
    }
    const type = Buffer.from(request.subarray(5)).reverse().toString('hex');
    const found = within.filter(attribute => attribute.type === type);
    if (request[0] === OP.readByType)
      return list(
        request,
        start,
        found.map(({ handle, value }) => Buffer.concat([u16(handle), value()])),
      );
    return list(
      request,
      start,
      found.map(({ handle, end: last, value }) => Buffer.concat([u16(handle), u16(last ?? handle), value()])),
    );
  }

  function byHandle(request: Buffer): Buffer | undefined {
    const handle = request.readUInt16LE(1);
    const attribute = attributes[handle - 1];
    if (request[0] === OP.writeCommand) {
      attribute?.write?.(new Uint8Array(request.subarray(3)));
      return undefined;
    }
    if (attribute === undefined) return errorTo(request, handle, ERROR.handle);
    if (request[0] === OP.write) {
      if (attribute.write === undefined) return errorTo(request, handle, ERROR.write);
      attribute.write(new Uint8Array(request.subarray(3)));
      return Buffer.of(OP.write + 1);
    }
    if (!attribute.readable) return errorTo(request, handle, ERROR.read);
    const offset = request[0] === OP.readBlob ? request.readUInt16LE(3) : 0;
    return Buffer.concat([Buffer.of(request[0]! + 1), attribute.value().subarray(offset, offset + mtu - 1)]);
  }

  function indicateNext(): void {
    const next = unconfirmed ? undefined : indications.shift();
    if (next === undefined) return;
    unconfirmed = true;
    send(next);
  }

  return {
    answer(request) {
      switch (request[0]) {
        case OP.mtu:
          mtu = Math.min(MTU, request.readUInt16LE(1));
          return Buffer.concat([Buffer.of(OP.mtu + 1), u16(MTU)]);
        case OP.findInfo:
        case OP.readByType:
        case OP.readByGroup:
          return byRange(request);
        case OP.read:
        case OP.readBlob:
        case OP.write:
        case OP.writeCommand:
          return byHandle(request);
        case OP.confirmation:
          unconfirmed = false;
          indicateNext();
          return undefined;
        default:
          // Requests have even numbers; what has an odd one is an answer to what the device itself has asked.
          return request.length > 0 && request[0]! % 2 === 0 ? errorTo(request, 0, ERROR.notSupported) : undefined;
      }
    },
    push(characteristic, value) {
      const state = configured.get(characteristic);
      if (state === undefined || state.wants === 0) return false;
      const indicated = (state.wants & 2) !== 0;
      const pdu = Buffer.concat([Buffer.of(indicated ? OP.indication : OP.notification), u16(state.handle), value]);
      if (!indicated) send(pdu);
      else {
        indications.push(pdu);
        indicateNext();
      }
      return true;
    },
    reset(to) {
      send = to;
      mtu = 23;
      unconfirmed = false;
      indications.length = 0;
      for (const state of configured.values()) state.wants = 0;
    },
  };
}
