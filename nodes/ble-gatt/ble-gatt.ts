// ble-gatt: keeps a link to a Bluetooth device, sends each notification as a raw message, and carries commands to it.
import { ledgerIn } from '../../src/delivery/ledger-file.ts';
import { toHex } from '../../src/kernel/bytes.ts';
import { Fault, reasonOf } from '../../src/kernel/fault.ts';
import { defineNode } from '../../src/palette/define.ts';
import { areStopping } from '../../src/palette/drain.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { deviceDetails } from '../../src/radio/device-details.ts';
import { gattCommandOf } from '../../src/radio/gatt-commands.ts';
import { linkStatus, linkWords } from '../../src/radio/link-status.ts';
import { DEMO_OFF, openRadio } from '../../src/radio/open.ts';
import { pumpOf } from '../../src/radio/pump.ts';
import { gattSession } from '../../src/radio/session.ts';
import { addressOf } from '../../src/radio/settings.ts';
import { after } from '../../src/radio/timing.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { measureCommand, registerDesk, running } from './desk.ts';
import { fields } from './fields.ts';
import { presetOf } from './presets.ts';

export const definition = defineNode({
  type: 'fieldline-ble-gatt',
  family: 'source',
  icon: 'font-awesome/fa-link',
  summary: 'Keeps a link to a Bluetooth device, a laser meter for instance, and sends each notification.',
  input: 'commands',
  outputs: ['notifications', 'status', 'answers'],
  button: 'fieldline/ble-gatt/measure',
  fields,
  admin: registerDesk,
  async start(settings, host) {
    const preset = presetOf(settings);
    const { service, characteristic, commands = characteristic } = preset;
    const { adapter, demoPrefix: prefix, scanner } = settings;
    const address = addressOf(settings.address);
    const radio = await openRadio(adapter, { prefix, demo: host.services['demo'] !== undefined });
    if (radio === undefined) {
      host.status('grey', DEMO_OFF);
      return {};
    }
    const device = prefix + address;
    const link = linkStatus(device);
    const listeners = new Set<(bytes: Uint8Array) => void>();
    let dropped = 0;

    const pump = pumpOf<Raw>({
      ...{ id: host.id, size: 1, window: 100, counter: ledgerIn(host.directory).counter(host.id, host.name) },
      emit: raws => host.emit({ payload: raws[0], topic: raws[0]?.topic ?? '' }),
      onDrop(count, why, reason) {
        dropped += count;
        host.count('fieldline_dropped_total', count, { reason: why });
        host.status('red', `${dropped} dropped: ${reason}`);
      },
    });
    const rawOf = (from: string, bytes: Uint8Array, receivedAt: number): Raw => {
      const topic = `ble/${scanner}/${device}/${from}`;
      return { topic, bytes, receivedAt, source: scanner, protocol: 'bluetooth', deviceId: device };
    };
    const tellStatus = (): void =>
      host.send([undefined, { topic: `scarnergy/status/${device}`, payload: link.message(session.link?.rssi) }]);
    const timer = setInterval(tellStatus, settings.statusSeconds * 1000).unref();
    const session = gattSession({
      radio,
      ...preset,
      address: device,
      after,
      onData(bytes, receivedAt, from) {
        pump.offer(rawOf(from, bytes, receivedAt));
        host.count('fieldline_received_total');
        // The reply to the enable command is a notification, but no measurement.
        if (!('rejected' in (preset.decode?.(bytes) ?? {}))) link.measured(receivedAt);
        host.status('green', `connected, ${link.measurements}`);
        for (const listen of listeners) listen(bytes);
      },
      onLink(connected, reason) {
        link.connected(connected);
        host.status(...linkWords(connected, reason));
        tellStatus();
      },
      onUp(connection) {
        void deviceDetails(connection).then(details => {
          link.describe(details);
          if (Object.keys(details).length > 0) tellStatus();
        });
      },
    });
    running.set(host.id, { adapter, address, prefix, session, listeners, preset });

    /** What the message asked for, done: a value that was read, or what was written. */
    async function perform(asked: Exclude<ReturnType<typeof gattCommandOf>, { rejected: string }>): Promise<unknown> {
      if (asked.command === 'measure') {
        await session.command(measureCommand(preset));
        return { command: 'measure', written: toHex(measureCommand(preset)) };
      }
      const up = session.link;
      if (up === undefined) throw new Fault('FIELDLINE_RADIO', `${device} is not connected`);
      if (asked.command === 'read')
        return rawOf(asked.characteristic, await up.read(asked.service, asked.characteristic), Date.now());
      await up.write(asked.service, asked.characteristic, asked.bytes, asked.withResponse);
      return { command: 'write', written: toHex(asked.bytes) };
    }

    return {
      input(message, send, done) {
        const asked = gattCommandOf(message, { service, characteristic, commands });
        if ('rejected' in asked) return done(new Fault('FIELDLINE_MESSAGE', `ble-gatt: ${asked.rejected}`));
        perform(asked).then(
          payload => {
            send([undefined, undefined, { ...message, payload }]);
            done();
            // Of kind data: a command of an hour ago is not to be carried out when the device is back.
          },
          (error: unknown) => done(new Fault('FIELDLINE_RADIO', `ble-gatt: ${reasonOf(error)}`)),
        );
      },
      pause: pump.pause,
      resume: pump.resume,
      async close(removed) {
        clearInterval(timer);
        running.delete(host.id);
        await session.close();
        pump.close(!removed && !areStopping());
        await radio.close();
      },
    };
  },
});

export default nodeRed(definition);
