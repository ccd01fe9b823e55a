// For tests: an emulated controller with a sensor and a meter, and the radio on it with short times.
import { type EmulatedController, emulatedController } from '../../sim/controller/controller.ts';
import { adStructures } from '../../sim/controller/air.ts';
import { glmMeter, type Meter } from '../../sim/controller/meters.ts';
import type { HeardAdvert, RadioState } from '../../src/reading/radio.ts';
import type { AdapterRadio } from '../../src/radio/adapter.ts';
import { type RadioTimes, radioTimes } from '../../src/radio/child-messages.ts';
import { gattSession, type Session } from '../../src/radio/session.ts';
import { sharedRadio } from '../../src/radio/shared-adapters.ts';
import { after } from '../../src/radio/timing.ts';
import { type Oddity, oddController } from './odd-controller.ts';
import { until } from '../support/until.ts';

export const METER = '00:13:43:A1:B2:C3';
export const SENSOR = 'AA:BB:CC:DD:EE:01';
export const GLM = {
  service: '02a6c0d0-0451-4000-b000-fb3210111989',
  characteristic: '02a6c0d1-0451-4000-b000-fb3210111989',
  enable: Buffer.from('c0550201001a', 'hex'),
};

/** A tenth of the product's, so that a suite of faults stays short; a new process takes what it takes. */
export const shortTimes: RadioTimes = {
  ...radioTimes,
  command: 400,
  connect: 400,
  operation: 400,
  quiet: 400,
  deaf: 900,
  probe: 200,
  beat: 100,
  hung: 1200,
};

/** For what must not be given up: a busy machine holds up a process for seconds, and that is not what is asked for here. */
export const patientTimes: RadioTimes = {
  ...shortTimes,
  command: 2000,
  connect: 20_000,
  operation: 20_000,
  deaf: 40_000,
  hung: 40_000,
};

export type World = {
  controller: EmulatedController;
  meter: Meter;
  radio: AdapterRadio;
  states: RadioState[];
  adverts: HeardAdvert[];
  frames: string[];
  links: string[];
  /** Resolves when a measurement taken from now on has come through; the meter is pressed again and again. */
  measured(): Promise<void>;
  /** Resolves when an advert sent from now on has come through. */
  heard(): Promise<void>;
  /** Scans no more. */
  stop(): Promise<void>;
  close(): Promise<void>;
};

export async function world(
  options: {
    extended?: boolean;
    coded?: boolean;
    active?: boolean;
    times?: RadioTimes;
    oddity?: (() => Oddity) | undefined;
  } = {},
): Promise<World> {
  const controller = await emulatedController({
    extended: (options.extended || options.coded) ?? false,
    coded: options.coded ?? false,
  });
  controller.air.add({
    address: SENSOR,
    everyMs: 20,
    data: adStructures([0x16, Buffer.from('d2fc4002ca09', 'hex')]),
    scanResponse: adStructures([0x09, Buffer.from('attic')]),
  });
  const meter = glmMeter({ address: METER });
  controller.air.add(meter.advertiser);
  const between = options.oddity === undefined ? undefined : await oddController(controller.port, options.oddity);
  const radio = sharedRadio(
    { host: '127.0.0.1', port: between?.port ?? controller.port },
    options.active ?? false,
    options.times ?? shortTimes,
  );
  const states: RadioState[] = [];
  const adverts: HeardAdvert[] = [];
  const frames: string[] = [];
  const links: string[] = [];
  radio.onState(state => states.push(state));
  const stop = radio.scan(advert => adverts.push(advert));
  const session: Session = gattSession({
    radio,
    address: METER,
    ...GLM,
    onData: bytes => frames.push(Buffer.from(bytes).toString('hex')),
    onLink: (up, reason) => links.push(`${up ? 'up' : 'down'}: ${reason}`),
    after,
    random: () => 0,
  });

  return {
    controller,
    meter,
    radio,
    states,
    adverts,
    frames,
    links,
    async measured() {
      const before = frames.filter(frame => frame.startsWith('c05510')).length;
      await until(() => {
        meter.measure(2.45);
        return frames.filter(frame => frame.startsWith('c05510')).length > before;
      });
    },
    async heard() {
      const before = adverts.length;
      const from = Date.now();
      await until(() => adverts.length > before && adverts.at(-1)!.receivedAt > from);
    },
    stop,
    async close() {
      await session.close();
      await radio.close();
      await between?.close();
      await controller.close();
    },
  };
}
