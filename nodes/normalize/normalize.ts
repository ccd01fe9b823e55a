// normalize: turns any JSON message into readings by a topic table and a field map.
import { defineNode, type Done, type Message, type Send } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { quantity } from '../../src/reading/quantity.ts';
import { receivedAtOf } from '../../src/reading/received.ts';
import { shortfallOf } from '../../src/reading/shortfall.ts';
import { type Intake, intake } from '../../src/stream/intake.ts';
import { withComputed } from '../../src/stream/expression.ts';
import { standing } from '../../src/stream/standing.ts';
import { dialog } from './dialog.ts';
import { fields } from './fields.ts';
import { recall } from './recall.ts';
import { normalizerOf } from './settings.ts';

export const definition = defineNode({
  type: 'fieldline-normalize',
  family: 'decode',
  icon: 'font-awesome/fa-random',
  summary: 'Turns any JSON message into readings by a topic table and a field map.',
  input: 'raw messages',
  outputs: ['readings', 'rejected'],
  fields,
  admin: dialog,
  start(settings, host) {
    const normalize = normalizerOf(settings);
    const compute = settings.expression.trim() === '' ? undefined : host.expression(settings.expression);
    const memory = recall(host.id);
    let passed = 0;
    let turnedAway = 0;
    const line = standing();
    const tally = ({ readings, rejected }: Intake) => {
      passed += readings.length;
      turnedAway += rejected.length;
      for (const { kind } of rejected) host.count('fieldline_rejected_total', 1, { reason: kind });
      const { clockless, absent, repaired } = shortfallOf(readings);
      if (clockless > 0) host.count('fieldline_gateway_time_total', clockless);
      if (absent > 0) host.count('fieldline_absent_values_total', absent);
      if (repaired > 0) host.count('fieldline_repaired_readings_total', repaired);
      const text = `${quantity(passed, 'reading')}, ${turnedAway} rejected`;
      host.status(...line(text, rejected[0]?.reason));
    };

    let turn: Promise<void> = Promise.resolve();
    function pass(message: Message, came: unknown, send: Send, done: Done): void {
      const taken = intake(came, message.topic ?? '', receivedAtOf(message), normalize);
      tally(taken);
      const { batch, readings, refused } = taken;
      const reasons = taken.rejected.map(({ reason }) => reason);
      const payload = batch ? refused : refused[0];
      const refusal: Message = { ...message, payload, reason: reasons.join('; '), reasons };
      const good = batch && readings.length > 0 ? [readings] : readings;
      send([good.map(one => ({ ...message, payload: one })), reasons.length > 0 ? refusal : undefined]);
      done();
    }

    return {
      input(message, send, done) {
        memory.keep(message.payload, message.topic ?? '');
        if (compute === undefined) return pass(message, message.payload, send, done);
        // One after the other: an expression may wait, and messages keep their order.
        turn = turn
          .then(() => withComputed(message.payload, message.topic ?? '', receivedAtOf(message), normalize, compute))
          .then(payload => pass(message, payload, send, done))
          .catch(done);
      },
      close: () => memory.forget(),
    };
  },
});

export default nodeRed(definition);
