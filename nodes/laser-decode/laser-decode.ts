// laser-decode: turns frames of laser distance meters into readings.
import { lastFrames } from '../../src/decoders/decode-now.ts';
import { laserKinds } from '../../src/decoders/laser/define.ts';
import type { LaserFrame } from '../../src/decoders/laser/frame.ts';
import { laserOf } from '../../src/decoders/laser/members.ts';
import { outputOf, sortMembers } from '../../src/decoders/members.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { deviceName } from '../../src/reading/payload.ts';
import { quantity } from '../../src/reading/quantity.ts';
import { receivedAtOf } from '../../src/reading/received.ts';
import { standing } from '../../src/stream/standing.ts';
import { lately, registerDecodeNow } from './decode-now.ts';

const TYPES = ['msg', 'str', 'flow', 'global', 'env'] as const;

export const definition = defineNode({
  type: 'fieldline-laser-decode',
  family: 'decode',
  icon: 'font-awesome/fa-arrows-h',
  summary: 'Turns frames of Bosch GLM and Leica DISTO meters into readings, with session and element.',
  input: 'frames',
  outputs: ['readings', 'rejected'],
  fields: {
    kind: {
      kind: 'choice',
      label: 'Meter',
      help: 'By form looks at the frame; the other choices reject what is not of that meter.',
      initial: 'auto',
      options: [
        ['auto', 'by form'],
        ['glm', 'Bosch GLM 50 C'],
        ['glm100', 'Bosch GLM 100 C'],
        ['disto', 'Leica DISTO'],
      ],
    },
    session: {
      kind: 'typed',
      label: 'Session',
      help: 'Where the id of the session stands.',
      initial: 'sessionId',
      initialType: 'msg',
      types: TYPES,
      optional: true,
    },
    elementKind: {
      kind: 'typed',
      label: 'Element type',
      help: 'Where the type of the measured element stands, such as gevel.',
      initial: 'elementType',
      initialType: 'msg',
      types: TYPES,
      optional: true,
    },
    elementId: {
      kind: 'typed',
      label: 'Element',
      help: 'Where the id of the measured element stands.',
      initial: 'elementId',
      initialType: 'msg',
      types: TYPES,
      optional: true,
    },
    source: {
      kind: 'text',
      label: 'Source',
      help: 'The path the measurement takes, such as bridge, ble_mobile or esp32.',
      initial: 'bridge',
      optional: true,
    },
  },
  admin: registerDecodeNow,
  start(settings, host) {
    const frames = lastFrames();
    lately.set(host.id, frames);
    let passed = 0;
    let turnedAway = 0;
    const line = standing();
    const kind = laserKinds.find(one => one === settings.kind);

    function given(setting: { value: string; type: string }, message: Message): string | undefined {
      return setting.value === '' ? undefined : deviceName(host.evaluate(setting, message));
    }
    function contextOf(message: Message): NonNullable<LaserFrame['context']> {
      const texts = {
        sessionId: given(settings.session, message),
        elementType: given(settings.elementKind, message),
        elementId: given(settings.elementId, message),
        source: settings.source || undefined,
      };
      return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined));
    }

    return {
      input(message, send, done) {
        frames.keep(message.payload);
        const deviceId = message['deviceId'];
        const context = {
          now: receivedAtOf(message),
          context: contextOf(message),
          ...(kind === undefined ? {} : { kind }),
          ...(typeof deviceId === 'string' ? { deviceId } : {}),
        };
        const sorted = sortMembers(message.payload, member => [laserOf(member, context)]);
        passed += sorted.readings.length;
        turnedAway += sorted.refused.length;
        for (const { label } of sorted.refused) host.count('fieldline_rejected_total', 1, { reason: label });
        const [refused] = sorted.refused;
        const text = `${quantity(passed, 'reading')}, ${turnedAway} rejected`;
        host.status(...line(text, refused?.reason));
        send(outputOf(message, sorted));
        done();
      },
      close() {
        lately.delete(host.id);
      },
    };
  },
});

export default nodeRed(definition);
