// What a dialog sends: settings of a bus that are not deployed, the deployed one beside them, and a unit.
import type { BusSettings, ConfiguredBus } from '../../src/modbus/configured.ts';
import type { AdminRequest } from '../../src/palette/define.ts';
import { checkSettings } from '../../src/palette/settings.ts';
import { fields } from './fields.ts';
import { busSettingsOf } from './settings.ts';

export const bodyOf = ({ body }: AdminRequest): Readonly<Record<string, unknown>> =>
  (body ?? {}) as Readonly<Record<string, unknown>>;

/** Throws what is wrong with them. */
export function settingsOf(request: AdminRequest): BusSettings {
  const { settings, faults } = checkSettings(fields, (bodyOf(request)['bus'] ?? {}) as Record<string, unknown>);
  if (faults.length > 0) throw new Error(faults.join('; '));
  return busSettingsOf(settings, 'dialog');
}

export function deployedOf(request: AdminRequest): ConfiguredBus | undefined {
  const { node } = bodyOf(request);
  return typeof node === 'string' ? (request.node(node) as ConfiguredBus | undefined) : undefined;
}

export function unitOf(value: unknown): number {
  const unit = Number(value ?? 1);
  if (!Number.isInteger(unit) || unit < 0 || unit > 255)
    throw new Error(`unit: expected 0 to 255, got ${String(value)}`);
  return unit;
}
