// Emulated laser meters, as they behave on the air: Bosch GLM (auto-sync, indications, acknowledgement) and Leica DISTO.
import { glmCharacteristic, glmEnable, glmService } from '../../src/decoders/laser/bosch-glm.ts';
import { distoCharacteristic, distoService } from '../../src/decoders/laser/disto.ts';
import { crc8 } from '../../src/kernel/bytes.ts';
import { type AdvertiserOptions, adStructures } from './air.ts';
import { gattServer, PROPERTY, type ServiceOptions } from './gatt.ts';

export type Meter = {
  advertiser: AdvertiserOptions;
  /** Presses the button; false: nobody listens. */
  measure(metres: number): boolean;
  /** Commands that the host wrote, hex. */
  readonly written: readonly string[];
};

export type MeterOptions = { address: string; random?: boolean; battery?: number; firmware?: string };

export function glmMeter({ address, random = false, battery = 80, firmware = '1.2.3' }: MeterOptions): Meter {
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
            written.push(Buffer.from(value).toString('hex'));
            if (Buffer.compare(value, glmEnable) !== 0) return;
            syncing = true;
            gatt.push(glmCharacteristic, glmEnable);
          },
        },
      ],
    },
    ...deviceServices(battery, firmware),
  ]);
  const name = Buffer.from('Bosch GLM50C x0001');
  return {
    advertiser: {
      address,
      random,
      everyMs: 50,
      data: adStructures([0x01, Buffer.of(0x06)], [0x07, Buffer.from(glmService.replaceAll('-', ''), 'hex').reverse()]),
      scanResponse: adStructures([0x09, name]),
      gatt: {
        ...gatt,
        reset: send => {
          syncing = false;
          gatt.reset(send);
        },
      },
    },
    measure: metres => syncing && gatt.push(glmCharacteristic, glmFrame(metres, sequence++ & 0xff)),
    written,
  };
}

/** A single distance: `facts` of the layout stand in src/decoders/laser/bosch-glm.ts. */
export function glmFrame(metres: number, sequence = 0): Uint8Array {
  const frame = Buffer.alloc(20);
  frame.set([0xc0, 0x55, 0x10, 0x06, 0x00, sequence]);
  frame.writeFloatLE(metres, 7);
  frame[19] = crc8(frame.subarray(0, 19), 0xa6, 0xaa);
  return frame;
}

export function distoMeter({ address, random = false, battery = 60, firmware = '2.0' }: MeterOptions): Meter {
  const gatt = gattServer([
    {
      uuid: distoService,
      characteristics: [
        { uuid: distoCharacteristic, properties: PROPERTY.read | PROPERTY.indicate },
        { uuid: '3ab10109-f831-4395-b29d-570977d5bf94', properties: PROPERTY.write, onWrite: () => {} },
      ],
    },
    ...deviceServices(battery, firmware),
  ]);
  return {
    advertiser: {
      address,
      random,
      everyMs: 50,
      data: adStructures([0x01, Buffer.of(0x06)], [0x09, Buffer.from('DISTO 12345678')]),
      gatt,
    },
    measure(metres) {
      const value = Buffer.alloc(4);
      value.writeFloatLE(metres);
      return gatt.push(distoCharacteristic, value);
    },
    written: [],
  };
}

function deviceServices(battery: number, firmware: string): ServiceOptions[] {
  return [
    { uuid: '180f', characteristics: [{ uuid: '2a19', properties: PROPERTY.read, value: Uint8Array.of(battery) }] },
    { uuid: '180a', characteristics: [{ uuid: '2a26', properties: PROPERTY.read, value: Buffer.from(firmware) }] },
  ];
}
