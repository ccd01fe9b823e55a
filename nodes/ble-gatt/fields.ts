// Settings of the ble-gatt node: adapter, device and what it needs.
import { ownDeviceFields, radioFields } from '../../src/radio/settings.ts';

export const fields = {
  adapter: radioFields.adapter,
  address: { kind: 'text', label: 'Device', help: 'Address of the device.', initial: '00:13:43:A1:B2:C3' },
  scanner: radioFields.scanner,
  preset: {
    kind: 'choice',
    label: 'Kind',
    help: 'Fills in what a known meter needs; own uses the settings below.',
    initial: 'bosch-glm',
    options: [
      ['bosch-glm', 'Bosch GLM 50 C, 50-27 C'],
      ['bosch-glm-older', 'Bosch GLM 100 C, PLR'],
      ['leica-disto', 'Leica DISTO'],
      ['own', 'own'],
    ],
  },
  ...ownDeviceFields,
  statusSeconds: {
    kind: 'number',
    label: 'Status every',
    unit: 's',
    help: 'A status message leaves this often, and whenever the link comes or goes.',
    initial: 60,
    min: 1,
    max: 86400,
  },
  demoPrefix: radioFields.demoPrefix,
} as const;
