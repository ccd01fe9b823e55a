// modbus-poll: reads the registers of one unit at a fixed period and sends one reading per poll.
import path from 'node:path';
import { ledgerIn } from '../../src/delivery/ledger-file.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { expected, Fault } from '../../src/kernel/fault.ts';
import type { ConfiguredBus } from '../../src/modbus/configured.ts';
import { findMap } from '../../src/modbus/maps.ts';
import { outletOf } from '../../src/modbus/outlet.ts';
import type { Health } from '../../src/modbus/health.ts';
import { startPoller } from '../../src/modbus/poller.ts';
import { eventOf, statusOf } from '../../src/modbus/status.ts';
import { systemTiming } from '../../src/modbus/timing.ts';
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { fields } from './fields.ts';
import { register } from './import.ts';

const STATUS_MS = 1000;

export const definition = defineNode({
  type: 'fieldline-modbus-poll',
  family: 'source',
  icon: 'font-awesome/fa-plug',
  summary: 'Reads the registers of one Modbus unit at a fixed period and sends one reading per poll.',
  outputs: ['readings', 'status and errors'],
  fields,
  admin: register,
  start(settings, host) {
    const configured = host.config<ConfiguredBus>('bus');
    const bus = configured?.bus;
    if (configured === undefined || bus === undefined) {
      host.status('grey', configured === undefined ? 'no bus chosen' : 'no address set');
      return {};
    }
    const { demo } = configured;
    const deviceId = settings.deviceId.trim() || (demo ? `demo-flow-${settings.unitId}` : '');
    if (deviceId === '') throw new Fault('FIELDLINE_SETTING', expected('Device id', 'a value', undefined));
    const map = findMap(settings.map, path.join(host.directory, 'maps'), parametersOf(settings.parameters));

    const outlet = outletOf({
      counter: ledgerIn(host.directory).counter(host.id, host.name),
      emit: reading => host.emit({ topic: reading.metadata.raw?.topic ?? '', payload: reading }),
      after: systemTiming.after,
      onDrop(_reading, why, reason) {
        host.count('fieldline_dropped_total', 1, { reason: why });
        if (why === 'refused') host.log('error', `reading dropped after three tries: ${reason}`);
      },
    });

    let told = '';
    /** On output 2 once per change, not once per poll. */
    const tellChange = (health: Health) => {
      const event = eventOf(health, deviceId);
      if (event.change === told) return;
      told = event.change;
      host.send([undefined, { topic: `modbus/${bus.name}/${settings.unitId}/status`, payload: event.payload }]);
    };

    const poller = startPoller({
      bus,
      map,
      deviceId,
      ...(demo && { orgId: 'demo' }),
      unit: settings.unitId,
      periodMs: settings.periodMs,
      limits: { maxWords: settings.maxWords, maxBits: settings.maxWords * 16, gapBudget: settings.gapBudget },
      timing: systemTiming,
      onReading: outlet.offer,
      onPoll(health, { state, met, unusable }) {
        host.count('fieldline_modbus_polls_total', 1, { state });
        if (unusable > 0) host.count('fieldline_absent_values_total', unusable);
        for (const fault of met) host.count('fieldline_modbus_faults_total', 1, { trouble: fault.trouble });
        host.gauge('fieldline_modbus_poll_seconds', health.tookMs / 1000);
        host.gauge('fieldline_modbus_queue', bus.depth);
        host.gauge('fieldline_modbus_overruns', health.overruns);
        host.gauge('fieldline_modbus_waiting', outlet.backlog.open);
        tellChange(health);
        show();
      },
    });

    const show = () => {
      const [fill, text] = statusOf(poller.health, outlet.backlog, systemClock.steady());
      host.status(fill, text);
    };
    const clockwork = setInterval(show, STATUS_MS);
    show();

    return {
      pause() {
        poller.pause();
        outlet.pause();
      },
      resume() {
        outlet.resume();
        poller.resume();
      },
      close() {
        clearInterval(clockwork);
        poller.stop();
        outlet.close();
      },
    };
  },
});

/** `{"flow_span": 10}` */
function parametersOf(text: string): Record<string, number> {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, number>;
  } catch {
    // Said below, as for JSON that is no object.
  }
  throw new Fault('FIELDLINE_SETTING', expected('Parameters', 'a JSON object of numbers', text));
}

export default nodeRed(definition);
