// The worst that can happen to a radio, at random moments of a seed. Each advert carries a number of its own and each
// measurement a distance of its own, so that every one that was sent can be looked for afterwards.
import { setTimeout as wait } from 'node:timers/promises';
import { adStructures, resolvableAddress } from '../../sim/controller/air.ts';
import { emulatedController } from '../../sim/controller/controller.ts';
import { glmMeter } from '../../sim/controller/meters.ts';
import { toHex } from '../../src/kernel/bytes.ts';
import { type Struck, strikesOn } from './strikes.ts';

export const METERS = ['00:13:43:A1:B2:01', '00:13:43:A1:B2:02', '00:13:43:A1:B2:03'] as const;

/** Numbers of adverts, and the bytes of notifications. */
export type Sent = { adverts: Set<number>; frames: string[] };
export type Worst = {
  readonly port: number;
  readonly sent: Sent;
  /** Sent to a process that had been killed, or behind lost framing: nobody has read it. */
  readonly unread: Sent;
  /** Strikes for so long, then heals everything and sends no more. Resolves with the faults that struck, by name. */
  rage(seconds: number): Promise<Struck>;
  close(): Promise<void>;
};
export type WorstOptions = {
  seed: number;
  /** Adverts a second. */
  rate: number;
  /** The Bluetooth process at the moment. */
  radioPid: () => number | undefined;
};

const TICK_MS = 10;
const MEASURE_MS = 120;
const SHOW_MS = 60;
const ADDRESSES = 100;
const ROTATE = 20;
const SHORTEST_PEACE_MS = 300;
const LONGEST_PEACE_MS = 2500;
const LONGEST_FAULT_MS = 5000;

/** An extended controller where the seed is odd. */
export async function worstOf({ seed, rate, radioPid }: WorstOptions): Promise<Worst> {
  const random = randomOf(seed);
  const controller = await emulatedController({ extended: seed % 2 === 1 });
  const sent: Sent = { adverts: new Set(), frames: [] };
  const unread: Sent = { adverts: new Set(), frames: [] };
  const addresses = Array.from({ length: ADDRESSES }, resolvableAddress);
  let numbers = 0;
  let quiet = false;
  let over = false;
  /** The connection on which nothing is read any more. */
  let deaf = 0;

  const place = (): Sent => (controller.hosts === deaf ? unread : sent);
  /** An advert, and its scan response where the host asks for one, with a number each. */
  function advertise(address: string, before: Uint8Array, kind: 'sensor' | 'meter', extended = false): void {
    const [own, answer] = [++numbers, ++numbers];
    const reported = controller.reported;
    controller.air.send({
      address,
      random: kind === 'sensor',
      data: Buffer.concat([before, kind === 'sensor' ? counting(own) : unknown(own)]),
      scanResponse: kind === 'meter' || own % 5 === 0 ? unknown(answer) : undefined,
      connectable: kind === 'meter',
      extended,
      rssi: -60,
    });
    if (controller.reported > reported) place().adverts.add(own);
    if (controller.reported > reported + 1) place().adverts.add(answer);
  }

  const meters = METERS.map(address => {
    const meter = glmMeter({ address });
    const gatt = meter.advertiser.gatt!;
    controller.air.add({
      ...meter.advertiser,
      // Shown below, with a number.
      everyMs: 2 ** 31 - 1,
      gatt: {
        ...gatt,
        reset: send =>
          gatt.reset(pdu => {
            const before = controller.sent;
            send(pdu);
            if (pdu[0] === INDICATION && controller.sent > before) place().frames.push(toHex(pdu.subarray(3)));
          }),
      },
    });
    return meter;
  });
  const isLinked = (wanted: string): boolean =>
    [...controller.air.devices].some(({ address, linked }) => address === wanted && linked);

  const beganAt = performance.now();
  let due = 0;
  let measured = 0;
  const timers = [
    setInterval(() => {
      for (const until = ((performance.now() - beganAt) / 1000) * rate; due < until; due++) {
        if (quiet || over) continue;
        if (due % ROTATE === 0) addresses[(due / ROTATE) % ADDRESSES] = resolvableAddress();
        const isLong = random() < 0.1;
        const padding = isLong ? adStructures([0x21, Buffer.alloc(100 + Math.floor(random() * 140), 7)]) : NOTHING;
        advertise(addresses[due % ADDRESSES]!, padding, 'sensor', isLong);
      }
    }, TICK_MS),
    setInterval(() => {
      for (const { advertiser } of meters)
        if (!quiet && !over && !isLinked(advertiser.address)) advertise(advertiser.address, advertiser.data, 'meter');
    }, SHOW_MS),
    setInterval(() => {
      for (const meter of meters) if (!quiet && !over) meter.measure(0.5 + (++measured % 40_000) / 1000);
    }, MEASURE_MS),
  ];

  const strikes = strikesOn({
    controller,
    random,
    meters: METERS,
    radioPid,
    beQuiet: () => {
      quiet = true;
    },
    goOn: () => {
      quiet = false;
    },
    nothingIsReadFromNow: () => {
      deaf = controller.hosts;
    },
  });
  return {
    port: controller.port,
    sent,
    unread,
    async rage(seconds) {
      const struck: Record<string, number> = {};
      const end = performance.now() + seconds * 1000;
      while (performance.now() < end) {
        await wait(SHORTEST_PEACE_MS + random() * (LONGEST_PEACE_MS - SHORTEST_PEACE_MS));
        const [name, strike] = strikes[Math.floor(random() * strikes.length)]!;
        if (await strike()) struck[name] = (struck[name] ?? 0) + 1;
      }
      await wait(LONGEST_FAULT_MS);
      over = true;
      return struck;
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      await controller.close();
    },
  };
}

const INDICATION = 0x1d;
const NOTHING = new Uint8Array();

/** BTHome v2: the object `count` of four bytes. */
function counting(number: number): Uint8Array {
  return adStructures([0x16, Buffer.concat([Buffer.from('d2fc403e', 'hex'), bytesOf(number)])]);
}
/** Of a company that no decoder knows. */
function unknown(number: number): Uint8Array {
  return adStructures([0xff, Buffer.concat([Buffer.from('ffff', 'hex'), bytesOf(number)])]);
}
function bytesOf(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}

/** From 0 to 1, the same sequence for a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
