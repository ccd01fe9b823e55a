// What the dialog of timescale-out asks: tables of the database, columns of one, and the row that the mapping makes. Undeployed values count.
import { expected } from '../../src/kernel/fault.ts';
import type { Admin, AdminRequest } from '../../src/palette/define.ts';
import type { Query } from '../../src/reading/contracts.ts';
import type { Reading } from '../../src/reading/reading.ts';
import type { Mapping } from '../../src/sinks/own/plan.ts';
import { previewOf, tableCard } from '../../src/sinks/own/preview.ts';
import { sourceWords } from '../../src/sinks/own/source.ts';
import { listTables } from '../../src/sinks/own/table.ts';
import { databaseAddress } from '../../src/store/address.ts';
import { openStore } from '../../src/store/store.ts';
import { watchOf } from './watch.ts';

/** All of it as it stands in the editor. `changed`: the database node is not deployed as it is there. */
type Asked = {
  node: string;
  store: { id: string; url: string; password: unknown; changed: boolean };
  mapping: Mapping;
};

/** Within the deadline of an answer. */
const PATIENCE_MS = 4000;

const sample: Reading = {
  deviceId: 'meter-1',
  protocol: 'mqtt',
  timestamp: '2026-01-03T16:00:00.000Z',
  telemetry: { total_energy_kwh: 1245.7, power_kw: 3.2, voltage: 230.1, temperature: 21.5, status: 'ok' },
  metadata: {
    scannerId: 'gateway',
    signalStrength: -71,
    batteryLevel: 88,
    location: { lat: 52.52, lon: 13.4 },
    digest: '0123456789abcdef0123456789abcdef',
    rawHex: 'c055100600',
    parser: 'sample',
    anomaly: { score: 0.85, metric: 'power_kw', kind: 'normal' },
  },
};

export function dialog(admin: Admin): void {
  admin.act('fieldline/timescale-out/tables', request =>
    answered(request, async query => ({ tables: await listTables(query) })),
  );
  admin.act('fieldline/timescale-out/table', request =>
    answered(request, async (query, { node, mapping }) => ({
      ...(await tableCard(query, mapping.table, exampleOf(node).row)),
      words: sourceWords,
    })),
  );
  admin.act('fieldline/timescale-out/preview', request =>
    answered(request, async (query, { node, mapping }) => ({
      ...(await previewOf(query, mapping, exampleOf(node))),
      of: watchOf(node)?.last === undefined ? 'a sample' : 'the last message',
    })),
  );
  admin.act('fieldline/timescale-out/status', ({ body }) => {
    const watch = watchOf((body as { node?: unknown } | null)?.node);
    return { status: watch?.status, lastError: watch?.lastError };
  });
}

function exampleOf(node: string): { row: Reading; topic: string | undefined } {
  return watchOf(node)?.last ?? { row: sample, topic: 'plant/meter-1' };
}

/** By the connections of the deployed node, or by one of its own where the editor has other settings. */
async function answered<T>(request: AdminRequest, work: (query: Query, asked: Asked) => Promise<T>): Promise<T> {
  const asked = askedOf(request.body);
  const { id, url, password, changed } = asked.store;
  const deployed = request.node(id) as { query?: Query } | undefined;
  if (!changed && deployed?.query !== undefined) return work(deployed.query, asked);
  const store = openStore({
    url: databaseAddress(url, request.services['databaseUrl']),
    // The stored password goes to the stored address only.
    password: typeof password === 'string' ? password : '',
    connections: 1,
    connectTimeoutMs: PATIENCE_MS,
    statementTimeoutMs: PATIENCE_MS,
  });
  try {
    return await work(store.query, asked);
  } finally {
    await store.close();
  }
}

function askedOf(body: unknown): Asked {
  const { node, store, mapping } = (body ?? {}) as { [key in keyof Asked]?: Record<string, unknown> };
  if (store === undefined) throw new Error(expected('body', '{ node, store, mapping }', body));
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const rows = Array.isArray(mapping?.['columns']) ? (mapping['columns'] as Record<string, unknown>[]) : [];
  const conflict = text(mapping?.['conflict']);
  return {
    node: text(node),
    store: {
      id: text(store['id']),
      url: text(store['url']),
      password: store['password'],
      changed: store['changed'] !== false,
    },
    mapping: {
      table: text(mapping?.['table']),
      columns: rows.map(row => ({ column: text(row?.['column']), from: text(row?.['from']) })),
      key: text(mapping?.['key']),
      conflict: conflict === 'update' || conflict === 'reject' ? conflict : 'skip',
    },
  };
}
