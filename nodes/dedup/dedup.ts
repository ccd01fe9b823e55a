// dedup: lets the first copy of a message pass and drops the copies of its window.
import { reasonOf } from '../../src/kernel/fault.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { noteFate } from '../../src/kernel/ledger.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { quantity } from '../../src/reading/quantity.ts';
import { entryOf, membersOf } from '../../src/reading/reading.ts';
import { adopt } from '../../src/reading/sent.ts';
import { dedup } from '../../src/stream/dedup.ts';
import { deviceOf, identityOf } from '../../src/stream/key.ts';

export const definition = defineNode({
  type: 'fieldline-dedup',
  family: 'check',
  icon: 'font-awesome/fa-clone',
  summary: 'Lets the first copy of a message pass and drops the copies of its window.',
  input: 'readings or raw messages',
  outputs: ['passed', 'dropped'],
  fields: {
    by: {
      kind: 'choice',
      label: 'Same when',
      help: 'What makes two messages copies of each other.',
      initial: 'identity',
      options: [
        ['identity', 'device, time and content are the same'],
        ['device', 'the device is the same (adverts)'],
        ['key', 'the key below is the same'],
      ],
    },
    key: {
      kind: 'typed',
      label: 'Key',
      help: 'Property of the message, used with the third choice; for a batch, of each member as if it had come alone.',
      initial: 'payload.deviceId',
      types: ['msg'],
      initialType: 'msg',
    },
    windowSeconds: {
      kind: 'number',
      label: 'Window',
      unit: 's',
      help: 'Copies are dropped for this long after the first one passed.',
      initial: 10,
      min: 0.1,
      max: 86400,
    },
    maxKeys: {
      kind: 'number',
      label: 'Most keys',
      help: 'Above this the oldest key is forgotten early.',
      initial: 100000,
      min: 1,
      max: 10000000,
      integer: true,
    },
  },
  start(settings, host) {
    const seen = dedup({ windowMs: settings.windowSeconds * 1000, maxKeys: settings.maxKeys, clock: systemClock });
    let passed = 0;
    let dropped = 0;

    const keyOf = (member: unknown, message: Message): string => {
      if (settings.by === 'identity') return identityOf(member);
      if (settings.by === 'device') return deviceOf(member);
      const key = host.evaluate(settings.key, { ...message, payload: member });
      // Without its key a message is compared by its identity: it is not the same as every other without one.
      return key === undefined || key === null || key === '' ? identityOf(member) : JSON.stringify(key);
    };

    return {
      input(message, send, done) {
        try {
          adopt(message.payload, host.sent(message));
          const ticket = host.ticket(message);
          const fresh: unknown[] = [];
          const copies: unknown[] = [];
          const members = membersOf(message.payload);
          const keys = members.map(member => keyOf(member, message));
          for (const [at, key] of keys.entries()) (seen.passes(key, ticket) ? fresh : copies).push(members[at]);
          passed += fresh.length;
          dropped += copies.length;
          for (const copy of copies) noteFate(entryOf(copy), 'duplicates');
          if (copies.length > 0) host.count('fieldline_duplicates_total', copies.length);
          host.gauge('fieldline_dedup_keys', seen.size);
          const forgotten = seen.evicted > 0 ? `, ${quantity(seen.evicted, 'key')} forgotten early` : '';
          host.status(seen.evicted > 0 ? 'yellow' : 'green', `${passed} passed, ${dropped} dropped${forgotten}`);
          const batch = Array.isArray(message.payload);
          const part = (members: unknown[]): Message | undefined =>
            members.length === 0 ? undefined : { ...message, payload: batch ? members : members[0] };
          send([copies.length === 0 ? message : part(fresh), part(copies)]);
          done();
        } catch (error) {
          done(new Error(`key: ${reasonOf(error)}`));
        }
      },
    };
  },
});

export default nodeRed(definition);
