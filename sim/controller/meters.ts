// Emulated laser meters, as they behave on the air: Bosch GLM (auto-sync, indications, acknowledgement), the older GLM 100 C
// (messages in pieces) and Leica DISTO. All of them measure when they are told to.
import { glmCharacteristic, glmEnable, glmMeasure, glmService } from '../../src/decoders/laser/bosch-glm.ts';
import {
  distoCharacteristic,
  distoCommands,
  distoDistance,
  distoMeasure,
  distoService,
} from '../../src/decoders/laser/disto.ts';
import {
  glm100Answers,
  glm100Commands,
  glm100Enable,
  glm100Measure,
  glm100Service,
} from '../../src/decoders/laser/glm100.ts';
import { mtFragments } from '../../src/decoders/laser/mt-fragments.ts';
import { mtCrc, mtRequest } from '../../src/decoders/laser/mt-frame.ts';
import { toHex } from '../../src/kernel/bytes.ts';
import { type AdvertiserOptions, adStructures } from './air.ts';
import { type GattServer, gattServer, PROPERTY, type ServiceOptions } from './gatt.ts';

export type Meter = {
  advertiser: AdvertiserOptions;
  /** Presses the button; false: nobody listens. */
  measure(metres: number): boolean;
  /** Commands that the host wrote, hex. */
  readonly written: readonly string[];
};

export type MeterOptions = {
  address: string;
  random?: boolean;
  battery?: number;
  firmware?: string;
  /** Metres that a measure command finds. */
  finds?: number;
};

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

export function glmMeter({
  address,
  random = false,
  battery = 80,
  firmware = '1.2.3',
  finds = 1.5,
}: MeterOptions): Meter {
  const written: string[] = [];
  let syncing = false;
  let sequence = 0;
  const gatt = gattServer([
    {
      uuid: glmService,
      characteristics: [
        {
          uuid: glmCharacteristic,
          properties: PROPERTY.write | PROPERTY.indicate,
          onWrite(value) {
            written.push(toHex(value));
            if (same(value, glmMeasure)) measure(finds);
            if (!same(value, glmEnable)) return;
            syncing = true;
            gatt.push(glmCharacteristic, glmEnable);
          },
        },
      ],
    },
    ...deviceServices(battery, firmware),
  ]);
  const measure = (metres: number): boolean =>
    syncing && gatt.push(glmCharacteristic, glmFrame(metres, sequence++ & 0xff));
  const service = Buffer.from(glmService.replaceAll('-', ''), 'hex').reverse();
  return {
    advertiser: {
      ...advertised({ address, random }, [0x07, service]),
      scanResponse: adStructures(called('Bosch GLM50C x0001')),
      gatt: forgetting(gatt, () => {
        syncing = false;
      }),
    },
    measure,
    written,
  };
}

/** A single distance: `facts` of the layout stand in src/decoders/laser/bosch-glm.ts. */
export function glmFrame(metres: number, sequence = 0): Uint8Array {
  const frame = Buffer.alloc(20);
  frame.set([0xc0, 0x55, 0x10, 0x06, 0x00, sequence]);
  frame.writeFloatLE(metres, 7);
  frame[19] = mtCrc(frame.subarray(0, 19));
  return frame;
}

/** Speaks the older protocol: whole messages in pieces, each of which it wants to be acknowledged. */
export function glm100Meter({
  address,
  random = false,
  battery = 70,
  firmware = '1.0',
  finds = 1.5,
}: MeterOptions): Meter {
  const written: string[] = [];
  const fragments = mtFragments();
  /** Pieces that wait for the acknowledgement of the one before. */
  const pieces: Uint8Array[] = [];
  let unanswered = false;
  const sendNext = (): void => {
    const next = unanswered ? undefined : pieces.shift();
    if (next === undefined) return;
    unanswered = true;
    gatt.push(glm100Answers, next);
  };
  const measure = (metres: number): boolean => {
    pieces.push(...fragments.split(glm100Frame(metres, battery)));
    sendNext();
    return true;
  };
  const gatt = gattServer([
    {
      uuid: glm100Service,
      characteristics: [
        {
          uuid: glm100Commands,
          properties: PROPERTY.write,
          onWrite(value) {
            written.push(toHex(value));
            if (value[0] === 0xff) {
              unanswered = false;
              return sendNext();
            }
            gatt.push(glm100Answers, Uint8Array.of(0xff, value[0]!, 0));
            const { frame } = fragments.take(value);
            if (frame !== undefined && same(frame, glm100Measure)) measure(finds);
          },
        },
        { uuid: glm100Answers, properties: PROPERTY.notify },
      ],
    },
    ...deviceServices(battery, firmware),
  ]);
  return {
    advertiser: {
      ...advertised({ address, random }, called('Bosch GLM100C x0002')),
      gatt: forgetting(gatt, () => {
        pieces.length = 0;
        unanswered = false;
      }),
    },
    measure: metres => written.includes(`10${toHex(glm100Enable)}`) && measure(metres),
    written,
  };
}

/** A single distance in the sync container: its layout stands in src/decoders/laser/glm100.ts. */
function glm100Frame(metres: number, charge: number): Uint8Array {
  const container = Buffer.alloc(33);
  container.set([0x01, 0x02, charge, 21]);
  container.writeFloatLE(metres, 16);
  container[28] = 1;
  return mtRequest(0x50, ...container);
}

/** `newer`: one of the X family, which tells more than the distance, elsewhere. */
export function distoMeter({
  address,
  random = false,
  battery = 60,
  firmware = '2.0',
  finds = 1.5,
  newer = false,
}: MeterOptions & { newer?: boolean }): Meter {
  const written: string[] = [];
  const distance = newer ? distoDistance : distoCharacteristic;
  let counter = 0;
  const measure = (metres: number): boolean => {
    const value = Buffer.alloc(newer ? 20 : 4);
    value.writeFloatLE(metres);
    if (newer) value.writeUInt16LE(++counter & 0x3fff, 18);
    return gatt.push(distance, value);
  };
  const gatt = gattServer([
    {
      uuid: distoService,
      characteristics: [
        { uuid: distance, properties: PROPERTY.read | PROPERTY.indicate },
        {
          uuid: distoCommands,
          properties: PROPERTY.writeSilent,
          onWrite(value) {
            written.push(toHex(value));
            if (same(value, distoMeasure)) measure(finds);
          },
        },
      ],
    },
    ...deviceServices(battery, firmware),
  ]);
  return {
    advertiser: { ...advertised({ address, random }, called('DISTO 12345678')), gatt },
    measure,
    written,
  };
}

type Structure = [type: number, value: Uint8Array];

const called = (name: string): Structure => [0x09, Buffer.from(name)];

/** As every meter shows itself to the air: its flags, and by what it is known. */
function advertised(who: { address: string; random: boolean }, known: Structure): AdvertiserOptions {
  return { ...who, everyMs: 50, data: adStructures([0x01, Buffer.of(0x06)], known) };
}

/** A new connection finds the meter as it was in the beginning. */
function forgetting(gatt: GattServer, forget: () => void): GattServer {
  return {
    ...gatt,
    reset(send) {
      forget();
      gatt.reset(send);
    },
  };
}

function deviceServices(battery: number, firmware: string): ServiceOptions[] {
  return [
    { uuid: '180f', characteristics: [{ uuid: '2a19', properties: PROPERTY.read, value: Uint8Array.of(battery) }] },
    { uuid: '180a', characteristics: [{ uuid: '2a26', properties: PROPERTY.read, value: Buffer.from(firmware) }] },
  ];
}
