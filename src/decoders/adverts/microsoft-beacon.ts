// Windows devices nearby (Microsoft Connected Devices Platform): recognised, without values.
import { defineDecoder } from '../define.ts';

const COMPANY = '0006';

export const decoder = defineDecoder({
  name: 'microsoft-beacon',
  vendor: 'Microsoft',
  models: ['Windows device'],
  source: 'https://learn.microsoft.com/openspecs/windows_protocols/ms-cdp/',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.get(COMPANY)?.[0] === 0x01,
  decode: () => ({ telemetry: {}, deviceModel: 'Windows device' }),
  examples: [
    {
      name: 'desktop',
      advert: { manufacturer_data: { [COMPANY]: `010920020011223344${'5a'.repeat(18)}` } },
      gives: {},
    },
  ],
});
