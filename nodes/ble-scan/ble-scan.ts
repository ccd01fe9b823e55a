// ble-scan: listens to Bluetooth adverts and sends each as a raw message, in the JSON of bt-mqtt/raw.
import { ledgerIn } from '../../src/delivery/ledger-file.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { defineNode } from '../../src/palette/define.ts';
import { areStopping } from '../../src/palette/drain.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { oneScan } from '../../src/radio/one-scan.ts';
import { DEMO_OFF, openRadio } from '../../src/radio/open.ts';
import { pumpOf } from '../../src/radio/pump.ts';
import { rawAdvert } from '../../src/radio/raw-advert.ts';
import { scanTally } from '../../src/radio/scan-tally.ts';
import { listOf } from '../../src/radio/settings.ts';
import { after } from '../../src/radio/timing.ts';
import { watchedScan } from '../../src/radio/watchdog.ts';
import { listening } from '../../src/reading/listening.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { deviceFilter } from '../../src/stream/allow.ts';
import { fields } from './fields.ts';

/** A text for each of ten thousand adverts a second would be most of what this node leaves to be collected. */
const SHOW_MS = 200;

export const definition = defineNode({
  type: 'fieldline-ble-scan',
  family: 'source',
  icon: 'font-awesome/fa-podcast',
  summary: 'Listens to Bluetooth adverts, or plays captured ones, and sends each as a raw message.',
  input: 'scan anew',
  outputs: ['adverts'],
  fields,
  async start(settings, host) {
    const demo = host.services['demo'] !== undefined;
    const { adapter, speed, demoPrefix: prefix, mode } = settings;
    const radio = await openRadio(adapter, { speed, prefix, demo, active: mode === 'active' });
    if (radio === undefined) {
      host.status('grey', DEMO_OFF);
      return {};
    }
    const passes = deviceFilter({ allow: listOf(settings.allow), block: listOf(settings.block) });
    const batches = settings.emit === 'batches';
    const tally = scanTally(settings.adapter, settings.scanner);
    const pump = pumpOf<Raw>({
      id: host.id,
      counter: ledgerIn(host.directory).counter(host.id, host.name),
      size: batches ? 200 : 1,
      window: batches ? 4 : 100,
      emit: raws => host.emit(batches ? { payload: [...raws] } : { payload: raws[0], topic: raws[0]?.topic ?? '' }),
      onDrop(count, why, reason) {
        tally.dropped(count);
        host.count('fieldline_dropped_total', count, { reason: why });
        show(reason);
      },
    });
    let cancelShow: (() => void) | undefined;
    function show(trouble = pump.trouble): void {
      cancelShow?.();
      cancelShow = undefined;
      const { fill, text } = tally.say(trouble, pump.held);
      host.status(fill, text);
    }
    radio.onLost((count, reason, why) => {
      tally.dropped(count);
      host.count('fieldline_dropped_total', count, { reason: why });
      show(reason);
    });
    let before = '';
    radio.onFault(reason => host.log('warn', `radio: ${reason}`));
    const ear = listening(host.id);
    radio.onState(({ state, reason }) => {
      if (state === 'on') ear.hears();
      else ear.deaf('ours');
      tally.radio(state === 'on', state === 'on' ? reason : `${state}: ${reason}`);
      // It is tried again and again, and each time it says so.
      if (state !== before && state !== 'starting')
        host.log(state === 'on' ? 'info' : 'warn', `radio ${state}: ${reason}`);
      before = state;
      show();
    });
    const scan = oneScan(() =>
      watchedScan({
        radio,
        silenceMs: settings.silenceSeconds * 1000,
        isBusy: () => pump.busy,
        clock: systemClock,
        after,
        onAdvert(advert) {
          if (!passes(advert.address)) return host.count('fieldline_blocked_total');
          tally.heard(advert.address);
          host.count('fieldline_received_total');
          pump.offer(rawAdvert(advert, settings.scanner));
          cancelShow ??= after(SHOW_MS, () => show());
        },
        onSilence(ms) {
          tally.silent(ms);
          show();
        },
      }),
    );
    return {
      input(_message, _send, done) {
        scan.anew().then(() => done(), done);
      },
      pause: pump.pause,
      resume: pump.resume,
      async close(removed) {
        // What was heard before still comes, and what does not is counted.
        ear.deaf('ours');
        await scan.close();
        await radio.close();
        cancelShow?.();
        tally.close();
        pump.close(!removed && !areStopping());
      },
    };
  },
});

export default nodeRed(definition);
