// What the dialog and the button of ble-gatt ask for: devices on the air, their services, a measurement now.
import { toHex } from '../../src/kernel/bytes.ts';
import { expected } from '../../src/kernel/fault.ts';
import type { Admin, AdminRequest } from '../../src/palette/define.ts';
import { checkSettings } from '../../src/palette/settings.ts';
import { type DeskDevice, measureNow, type OpenSession, offersOf } from '../../src/radio/gatt-desk.ts';
import { scanDesk } from '../../src/radio/scan-desk.ts';
import { addressOf } from '../../src/radio/settings.ts';
import { fields } from './fields.ts';
import { kindOf, type Preset, presetOf } from './presets.ts';

/** Sessions of the nodes that run, by node. */
export const running = new Map<string, OpenSession & { preset: Preset }>();
const desk = scanDesk();

type Asked = { node: string; device: DeskDevice; preset: () => Preset };

/** Body: `{ node, settings }`, the settings as they stand in the form. */
function askedOf({ body }: AdminRequest): Asked {
  const { node, settings: given } = (body ?? {}) as { node?: unknown; settings?: Record<string, unknown> };
  const { settings, faults } = checkSettings(fields, given ?? {});
  if (faults.length > 0) throw new Error(faults.join('; '));
  const { adapter, address, demoPrefix: prefix } = settings;
  return {
    node: String(node),
    device: { adapter, address: addressOf(address), prefix },
    preset: () => presetOf(settings),
  };
}

/** The words of a frame: values with their metric, or why there are none. */
function wordsOf(frame: Uint8Array, { decode }: Preset): string {
  const decoded = decode?.(frame);
  if (decoded === undefined) return `${frame.length} bytes`;
  if ('rejected' in decoded) return decoded.rejected;
  return Object.entries(decoded.telemetry)
    .map(([metric, value]) => `${metric} ${value}`)
    .join(', ');
}

export function registerDesk(admin: Admin): void {
  // Body: `{ adapter, prefix }`; asked again each second while somebody looks.
  admin.act('fieldline/ble-gatt/scan', async ({ body }) => {
    const { adapter, prefix } = (body ?? {}) as Record<string, unknown>;
    const before = String(prefix ?? '');
    const view = await desk.look(String(adapter ?? ''), before);
    const devices = view.devices.map(device => ({
      ...device,
      address: device.address.slice(before.length),
      kind: kindOf(device.services, device.name),
    }));
    return { ...view, devices };
  });
  admin.act('fieldline/ble-gatt/services', async request => {
    const { node, device } = askedOf(request);
    return { services: await offersOf(device, running.get(node)) };
  });
  admin.act('fieldline/ble-gatt/try', async request => {
    const { node, device, preset: own } = askedOf(request);
    const preset = own();
    const isMeasurement = (bytes: Uint8Array): boolean => !('rejected' in (preset.decode?.(bytes) ?? {}));
    const frame = await measureNow(device, preset, isMeasurement, running.get(node));
    return { hex: toHex(frame), says: wordsOf(frame, preset) };
  });
  // Body: `{ node }`: the button on the canvas.
  admin.act('fieldline/ble-gatt/measure', async ({ body }) => {
    const held = running.get(String((body as { node?: unknown } | undefined)?.node));
    if (held === undefined) throw new Error('ble-gatt: deploy the node first');
    await held.session.command(measureCommand(held.preset));
    return { says: 'measure command sent' };
  });
}

export function measureCommand({ measure }: Preset): Uint8Array {
  if (measure === undefined) throw new Error(expected('Measure command', 'bytes as hex', undefined));
  return measure;
}
