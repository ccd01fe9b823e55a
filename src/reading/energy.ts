// Energy (D03): what a homelab meter publishes on `homelab/energy/{device}`.
import { keepExtra, type Mapper, putNumber } from './payload.ts';

const METRICS = ['total_energy_kwh', 'power_kw', 'voltage', 'current'] as const;
const KNOWN: ReadonlySet<string> = new Set(['timestamp', ...METRICS]);

/** `{ timestamp, total_energy_kwh, power_kw, voltage, current }`: kWh, kW, V, A under their own names; any may be missing. */
export const energy: Mapper = (payload, draft) => {
  for (const metric of METRICS) putNumber(draft, metric, payload[metric]);
  draft.time = payload['timestamp'];
  keepExtra(draft, payload, KNOWN);
  return undefined;
};
