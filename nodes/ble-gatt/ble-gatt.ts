// ble-gatt: keeps a link to a Bluetooth device and sends each notification as a raw message.
import { decodeGlm, glmCharacteristic, glmEnable, glmService } from '../../src/decoders/laser/bosch-glm.ts';
import { distoCharacteristic, distoService } from '../../src/decoders/laser/disto.ts';
import { ledgerIn } from '../../src/delivery/ledger-file.ts';
import { fromHex } from '../../src/kernel/bytes.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { deviceDetails } from '../../src/radio/device-details.ts';
import { DEMO_OFF, openRadio } from '../../src/radio/open.ts';
import { linkStatus } from '../../src/radio/link-status.ts';
import { pumpOf } from '../../src/radio/pump.ts';
import { gattSession } from '../../src/radio/session.ts';
import { after } from '../../src/radio/timing.ts';
import type { Link } from '../../src/reading/radio.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { fields } from './fields.ts';

const presets: Readonly<Record<string, { service: string; characteristic: string; enable?: Uint8Array }>> = {
  'bosch-glm': { service: glmService, characteristic: glmCharacteristic, enable: glmEnable },
  // The MT protocol over GATT: written to 00004301-…, told on 00004302-….
  'bosch-glm-older': {
    service: '00005301-0000-0041-5253-534f46540000',
    characteristic: '00004302-0000-0041-5253-534f46540000',
  },
  'leica-disto': { service: distoService, characteristic: distoCharacteristic },
};

export const definition = defineNode({
  type: 'fieldline-ble-gatt',
  family: 'source',
  icon: 'font-awesome/fa-link',
  summary: 'Keeps a link to a Bluetooth device, a laser meter for instance, and sends each notification.',
  outputs: ['notifications', 'status'],
  fields,
  async start(settings, host) {
    const own = {
      service: settings.service,
      characteristic: settings.characteristic,
      enable: fromHex(settings.enable),
    };
    const target = presets[settings.preset] ?? own;
    if (target.service === '' || target.characteristic === '')
      throw new Fault('FIELDLINE_SETTING', 'Kind own: expected service and characteristic, got nothing');
    const demo = host.services['demo'] !== undefined;
    const radio = await openRadio(settings.adapter, { prefix: settings.demoPrefix, demo });
    if (radio === undefined) {
      host.status('grey', DEMO_OFF);
      return {};
    }
    const device = settings.demoPrefix + settings.address.trim();
    const link = linkStatus(device);
    let dropped = 0;

    const pump = pumpOf<Raw>({
      counter: ledgerIn(host.directory).counter(host.id, host.name),
      size: 1,
      window: 100,
      emit: raws => host.emit({ payload: raws[0], topic: raws[0]?.topic ?? '' }),
      onDrop(count, why, reason) {
        dropped += count;
        host.count('fieldline_dropped_total', count, { reason: why });
        host.status('red', `${dropped} notifications dropped: ${reason}`);
      },
    });
    let up: Link | undefined;
    const tellStatus = (): void =>
      host.send([undefined, { topic: `scarnergy/status/${device}`, payload: link.message(up?.rssi) }]);
    const timer = setInterval(tellStatus, settings.statusSeconds * 1000).unref();
    const session = gattSession({
      radio,
      ...target,
      address: device,
      after,
      onData(bytes, receivedAt) {
        const topic = `ble/${settings.scanner}/${device}/${target.characteristic}`;
        pump.offer({ topic, bytes, receivedAt, source: settings.scanner, protocol: 'bluetooth', deviceId: device });
        host.count('fieldline_received_total');
        // The reply to the enable command is a notification, but no measurement.
        if (settings.preset !== 'bosch-glm' || !('rejected' in decodeGlm(bytes))) link.measured(receivedAt);
        host.status('green', `connected, ${link.measurements} measurements today`);
      },
      onLink(connected, reason) {
        link.connected(connected);
        host.status(connected ? 'green' : 'yellow', connected ? 'connected' : `not connected, trying again: ${reason}`);
        if (!connected) up = undefined;
        tellStatus();
      },
      onUp(connection) {
        up = connection;
        void deviceDetails(connection).then(details => {
          link.describe(details);
          if (Object.keys(details).length > 0) tellStatus();
        });
      },
    });
    return {
      pause: pump.pause,
      resume: pump.resume,
      async close() {
        clearInterval(timer);
        await session.close();
        pump.close();
        await radio.close();
      },
    };
  },
});

export default nodeRed(definition);
