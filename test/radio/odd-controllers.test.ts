// The real noble on controllers that behave in other ways than the usual one: each of them is scanned and measured with.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { PACKET } from '../../src/radio/h4.ts';
import { COMMAND, EVENT, eventPacket, LE_EVENT, opcodeOf } from '../../src/radio/hci.ts';
import { nobleIsHere, withNoble } from './noble-here.ts';
import type { Oddity } from './odd-controller.ts';
import { patientTimes, world } from './world.ts';
import { until } from '../support/until.ts';

const UNKNOWN_COMMAND = 0x01;
const LEGACY: readonly number[] = [COMMAND.leSetScanParameters, COMMAND.leSetScanEnable, COMMAND.leCreateConnection];
const EXTENDED: readonly number[] = [
  COMMAND.leSetExtendedScanParameters,
  COMMAND.leSetExtendedScanEnable,
  COMMAND.leExtendedCreateConnection,
];

const codeOf = (opcode: number): number[] => [opcode & 0xff, opcode >> 8];
const complete = (opcode: number, ...answer: number[]): Buffer =>
  eventPacket(EVENT.commandComplete, Buffer.of(1, ...codeOf(opcode), ...answer));
const status = (opcode: number, value: number): Buffer =>
  eventPacket(EVENT.commandStatus, Buffer.of(value, 1, ...codeOf(opcode)));
const isEvent = (packet: Buffer, event: number): boolean => packet[0] === PACKET.event && packet[1] === event;
const answeredBy = (packet: Buffer): number => packet.readUInt16LE(isEvent(packet, EVENT.commandStatus) ? 5 : 4);
const isAnswer = (packet: Buffer): boolean =>
  isEvent(packet, EVENT.commandComplete) || isEvent(packet, EVENT.commandStatus);

/** Answers of the controller to these commands, or to all, are changed; nothing else is. */
const answers =
  (change: (packet: Buffer, opcode: number) => Buffer[], only?: readonly number[]): (() => Oddity) =>
  () => ({
    toHost(packet, send) {
      const changed = isAnswer(packet) && (only?.includes(answeredBy(packet)) ?? true);
      for (const one of changed ? change(packet, answeredBy(packet)) : [packet]) send(one);
    },
  });
const refuses = (...opcodes: readonly number[]): (() => Oddity) =>
  answers((_packet, opcode) => [complete(opcode, UNKNOWN_COMMAND)], opcodes);
const ignores =
  (...opcodes: readonly number[]): (() => Oddity) =>
  () => ({
    toController(packet, send) {
      if (packet[0] !== PACKET.command || !opcodes.includes(opcodeOf(packet))) send(packet);
    },
  });
const knowsNot =
  (...opcodes: readonly number[]): (() => Oddity) =>
  () => ({
    toController(packet, send, answer) {
      const opcode = packet[0] === PACKET.command ? opcodeOf(packet) : 0;
      if (opcodes.includes(opcode)) answer(complete(opcode, UNKNOWN_COMMAND));
      else send(packet);
    },
  });

/** What no host has asked for, or has never heard of. */
const STRANGE = [
  '04ff050102030405',
  '043e0129',
  '043e03ff0102',
  '04570100',
  '041b03400003',
  '03050002aabb',
  '0500000200aabb',
  '023f200700030004001b0100',
].map(hex => Buffer.from(hex, 'hex'));

/** Several reports, of whatever devices, in one event; and one that says nothing. */
function gathering(): Oddity {
  const waiting: Buffer[] = [];
  return {
    toHost(packet, send) {
      if (!isEvent(packet, EVENT.leMeta) || packet[3] !== LE_EVENT.advert) return send(packet);
      const empty = Buffer.from('030106050403020100c8', 'hex');
      waiting.push(packet.subarray(5), empty);
      if (waiting.length < 6) return;
      send(
        eventPacket(EVENT.leMeta, Buffer.concat([Buffer.of(LE_EVENT.advert, waiting.length), ...waiting.splice(0)])),
      );
    },
  };
}

/** Takes one command, and the next only when it has said so; what comes too early is lost. */
function oneAtATime(): Oddity {
  let takes = true;
  return {
    toController(packet, send) {
      if (packet[0] !== PACKET.command) return send(packet);
      if (!takes) return;
      takes = false;
      send(packet);
    },
    toHost(packet, send) {
      if (!isAnswer(packet)) return send(packet);
      const none = Buffer.from(packet);
      none[isEvent(packet, EVENT.commandStatus) ? 4 : 3] = 0;
      send(none);
      setTimeout(() => {
        takes = true;
        send(Buffer.from('040e03010000', 'hex'));
      }, 15);
    },
  };
}

const ATT = 4;
const SIGNALLING = 5;
const SECURITY = 6;
/** What devices say unasked: other connection parameters, pairing, questions of their own, values of nobody knows what. */
const UNASKED: readonly [channel: number, hex: string][] = [
  [SIGNALLING, '1201080006000c0000006400'],
  [SECURITY, '0b01'],
  [ATT, '021700'],
  [ATT, '040100ffff'],
  [ATT, '0a0300'],
  [ATT, '1bff0faa'],
  [ATT, '1dff0faa'],
  [ATT, '1b'],
  [ATT, ''],
  [0x40, 'aabb'],
];

/** Before and behind each piece of data of a link. */
function talkative(): Oddity {
  const talk = (packet: Buffer, send: (packet: Buffer) => void): void => {
    if (packet[0] !== PACKET.acl) return;
    for (const [channel, hex] of UNASKED) {
      const value = Buffer.from(hex, 'hex');
      const head = Buffer.alloc(9);
      head[0] = PACKET.acl;
      head.writeUInt16LE((packet.readUInt16LE(1) & 0x0fff) | 0x2000, 1);
      head.writeUInt16LE(value.length + 4, 3);
      head.writeUInt16LE(value.length, 5);
      head.writeUInt16LE(channel, 7);
      send(Buffer.concat([head, value]));
    }
  };
  return {
    toHost(packet, send) {
      talk(packet, send);
      send(packet);
      talk(packet, send);
    },
  };
}

/** Bytes leave in other pieces than packets, one in a millisecond. */
function inPieces(size: number): Oddity {
  let rest: Buffer = Buffer.alloc(0);
  function flush(socket: Socket): void {
    if (rest.length === 0 || !socket.writable) return;
    socket.write(rest.subarray(0, size));
    rest = rest.subarray(size);
    setTimeout(flush, 1, socket);
  }
  return {
    write(socket, packet) {
      if (rest.length === 0) setTimeout(flush, 1, socket);
      rest = Buffer.concat([rest, packet]);
    },
  };
}

const odd: [name: string, oddity: () => Oddity, options?: { extended?: boolean }][] = [
  ['sends its events in pieces of 5 bytes', () => inPieces(5)],
  ['sends its events in pieces of 64 bytes', () => inPieces(64)],
  ['sends many events at once', () => inPieces(1 << 16)],
  [
    'sends events that nobody knows',
    () => ({
      toHost(packet, send) {
        for (const one of [...STRANGE, packet, ...STRANGE]) send(one);
      },
    }),
  ],
  ['has a device that talks unasked', talkative],
  ['reports several adverts in one event', gathering],
  ['takes a command only when it has said so', oneAtATime],
  [
    'says of no command that it takes more',
    answers(
      packet => [Buffer.concat([packet.subarray(0, 3), Buffer.of(0), packet.subarray(4)])],
      [COMMAND.reset, COMMAND.readBdAddr, COMMAND.leSetScanEnable],
    ),
  ],
  ['begins each command first', answers((packet, opcode) => [status(opcode, 0), packet])],
  [
    'begins to scan, and does not say that it does',
    answers((_packet, opcode) => [status(opcode, 0)], [COMMAND.leSetScanParameters, COMMAND.leSetScanEnable]),
  ],
  [
    'refuses with a status what it does not know',
    answers(
      (_packet, opcode) => [status(opcode, UNKNOWN_COMMAND)],
      [COMMAND.readRssi, COMMAND.leReadFeatures, COMMAND.writeLeHost, COMMAND.readLeHost],
    ),
  ],
  [
    'completes a connection that has only begun',
    answers((packet, opcode) => [complete(opcode, packet[3]!)], [COMMAND.leCreateConnection]),
  ],
  ['has no buffers of Low Energy to tell of', refuses(COMMAND.leReadBufferSize)],
  ['does not tell its version', refuses(COMMAND.readLocalVersion, COMMAND.readBdAddr)],
  [
    'tells the first byte of its version',
    answers(packet => [complete(answeredBy(packet), 0, 9)], [COMMAND.readLocalVersion]),
  ],
  [
    'answers without a status',
    answers(
      (_packet, opcode) => [complete(opcode)],
      [COMMAND.reset, COMMAND.setEventMask, COMMAND.leSetEventMask, COMMAND.leSetScanParameters],
    ),
  ],
  [
    'refuses all that is not needed',
    refuses(
      COMMAND.reset,
      COMMAND.setEventMask,
      COMMAND.leSetEventMask,
      COMMAND.writeLeHost,
      COMMAND.readLeHost,
      COMMAND.leReadFeatures,
      COMMAND.leSetDefaultPhy,
      COMMAND.readRssi,
    ),
  ],
  ['is silent when it is reset', ignores(COMMAND.reset)],
  ['is silent at what it does not know', ignores(COMMAND.leReadFeatures, COMMAND.readRssi)],
  ['knows the extended commands alone', knowsNot(...LEGACY), { extended: true }],
  [
    'knows the extended commands alone, and does not say so',
    knowsNot(...LEGACY, COMMAND.leReadFeatures),
    { extended: true },
  ],
  [
    'says that it knows the extended commands, and does not',
    () => ({
      ...knowsNot(...EXTENDED)(),
      ...answers(() => [complete(COMMAND.leReadFeatures, 0, 1, 0x18, 0, 0, 0, 0, 0, 0)], [COMMAND.leReadFeatures])(),
    }),
  ],
];

(nobleIsHere ? describe : describe.skip)(withNoble('noble: a controller that'), () => {
  it('has no kernel before it: a device that asks for other connection parameters gets them', async () => {
    const scene = await world({ oddity: talkative, times: patientTimes });
    try {
      await scene.measured();
      await until(() => scene.controller.commands.has(COMMAND.leUpdateConnection));
    } finally {
      await scene.close();
    }
  });

  for (const [name, oddity, options] of odd)
    it(name, async () => {
      const scene = await world({ ...options, oddity, times: patientTimes });
      try {
        await Promise.all([scene.measured(), scene.heard()]);
        await until(() => scene.controller.scanning === 'passive');
        // It was not given up meanwhile, but for the time in which it was found out.
        assert.deepEqual([...new Set(scene.states.map(({ state }) => state))], ['starting', 'on']);
      } finally {
        await scene.close();
      }
    });
});
