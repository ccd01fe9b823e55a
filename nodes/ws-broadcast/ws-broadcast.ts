// ws-broadcast: pushes stored readings to the live clients that subscribed to them, and passes them on.
import { expected, Fault } from '../../src/kernel/fault.ts';
import type { LiveServer } from '../../src/live/live-server.ts';
import { defineNode } from '../../src/palette/define.ts';
import { wasInterrupted } from '../../src/palette/tracker.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { quantity } from '../../src/reading/quantity.ts';
import { isReading, membersOf } from '../../src/reading/reading.ts';
import { notePushed } from '../../src/reading/stages.ts';

const STATUS_MS = 1000;

export const definition = defineNode({
  type: 'fieldline-ws-broadcast',
  family: 'serve',
  icon: 'font-awesome/fa-bullhorn',
  summary: 'Pushes readings to live clients by channel and filter.',
  input: 'readings',
  outputs: ['readings'],
  fields: {
    server: {
      kind: 'config',
      of: 'fieldline-live-server',
      label: 'Live server',
      help: 'The endpoint whose clients get the readings.',
      initial: '',
    },
  },
  start(_settings, host) {
    const live = host.config<LiveServer>('server');
    if (live === undefined)
      throw new Fault('FIELDLINE_SETTING', expected('Live server', 'one that is valid', undefined));
    let pushed = 0;
    let refused = 0;
    let seen = 0;

    const timer = setInterval(() => {
      const { clients } = live;
      const rate = Math.round(((pushed - seen) * 1000) / STATUS_MS);
      seen = pushed;
      host.gauge('fieldline_live_clients', clients);
      const text = `${quantity(clients, 'client')}, ${rate}/s`;
      host.status(refused > 0 ? 'yellow' : 'green', refused > 0 ? `${text}, ${refused} not readings` : text);
    }, STATUS_MS);

    return {
      input(message, send, done) {
        const members = membersOf(message.payload);
        const readings = members.filter(isReading);
        // Whoever comes after this node may change them.
        live.hub.publish(readings, !host.wired(0));
        const now = Date.now();
        for (const reading of readings) notePushed(reading, now);
        pushed += readings.length;
        host.count('fieldline_live_published_total', readings.length);
        const others = members.length - readings.length;
        if (others > 0) {
          refused += others;
          host.count('fieldline_rejected_total', others, { reason: 'no reading' });
        }
        if (readings.length === 0 && others > 0) {
          done(new Fault('FIELDLINE_MESSAGE', expected('msg.payload', 'a reading or an array of them', members[0])));
          return;
        }
        // Done when queued: a client that is slow must not hold the acknowledgement of a source.
        send(message);
        done();
      },
      close() {
        clearInterval(timer);
        // One of them may be stored and not have come here; sent again it is a duplicate, and does not come here either.
        if (wasInterrupted()) live.hub.breakOff();
      },
    };
  },
});

export default nodeRed(definition);
