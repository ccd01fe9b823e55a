// Settings of modbus-bus as its form has them, turned into those of a bus.
import type { BusSettings } from '../../src/modbus/configured.ts';
import type { Settings } from '../../src/palette/fields.ts';
import type { fields } from './fields.ts';

const parityOf = { N: 'none', E: 'even', O: 'odd' } as const;

/** The settings as the bus takes them. */
export function busSettingsOf(settings: Settings<typeof fields>, name: string): BusSettings {
  const [dataBits = '8', parity = 'N', stopBits = '1'] = settings.characters;
  return {
    ...settings,
    name,
    host: settings.host.trim(),
    serialPort: settings.serialPort.trim(),
    format: {
      baudRate: settings.baudRate,
      dataBits: dataBits === '7' ? 7 : 8,
      parity: parityOf[parity as keyof typeof parityOf],
      stopBits: stopBits === '2' ? 2 : 1,
    },
    quarantine: { after: settings.quarantineAfter, probeMs: settings.probeSeconds * 1000 },
  };
}
