// The scanner of seed 001 without Node-RED: adverts, filtered and once per window, to MQTT; a heartbeat; commands.
import { expected, reasonOf } from '../src/kernel/fault.ts';
import { issueTicket, settle, type Ticket } from '../src/kernel/ticket.ts';
import { systemClock } from '../src/kernel/clock.ts';
import type { Outgoing } from '../src/mqtt/outgoing-packet.ts';
import { publisher } from '../src/mqtt/publisher.ts';
import { wireSource } from '../src/mqtt/subscriber.ts';
import { oneScan } from '../src/radio/one-scan.ts';
import { openRadio } from '../src/radio/open.ts';
import { rawAdvert } from '../src/radio/raw-advert.ts';
import type { HeartbeatWire } from '../src/reading/heartbeat.ts';
import type { HeardAdvert } from '../src/reading/radio.ts';
import { deviceFilter } from '../src/stream/allow.ts';
import { dedup } from '../src/stream/dedup.ts';
import type { ScanConfig } from './scan-config.ts';
import { uplink } from './uplink.ts';

export type Log = (level: 'info' | 'warn', text: string, fields?: Readonly<Record<string, unknown>>) => void;
export type Scanner = { close(): Promise<void> };

/** Addresses that dedup and the count of devices remember. */
const DEVICES = 20_000;
const FIRST_BEAT_MS = 1000;
const COMMANDS = 4;

/** Rejects with a Fault where the configuration cannot work; whatever fails later is logged, and tried again. */
export async function startScanner(config: ScanConfig, log: Log): Promise<Scanner> {
  const { scannerId, mqtt, ble } = config;
  const startedAt = systemClock.steady();
  const radio = await openRadio(ble.hci, { active: ble.active, demo: true });
  if (radio === undefined) throw new Error(`adapter ${ble.hci} plays nothing here`);
  const clientId = `fieldline-scan-${scannerId}`;
  const link = uplink<Outgoing>({
    sink: publisher({ url: mqtt.url, clientId }),
    onChange: away =>
      away === undefined
        ? log('info', 'the broker is there again')
        : log('warn', 'the broker is away; adverts are dropped', { reason: away }),
    onRefused: reason => log('warn', 'the broker refused a message', { reason }),
  });
  const send = (topic: string, payload: Uint8Array): Promise<boolean> =>
    link.offer({ topic: `${mqtt.topicPrefix}/${topic}`, payload, qos: mqtt.qos, retain: false });

  const passes = deviceFilter(config);
  const copies = dedup({ windowMs: config.dedupSeconds * 1000, maxKeys: DEVICES, clock: systemClock });
  const devices = deviceCount();
  let adapter = 'starting';
  /** For the next advert that passes. */
  let spare = freshTicket();

  function heard(advert: HeardAdvert): void {
    if (!passes(advert.address)) return;
    devices.add(advert.address);
    // A copy counts as seen when its first has reached the broker: what was dropped is let through again.
    const ticket = spare;
    if (config.dedupSeconds > 0 && !copies.passes(advert.address, ticket)) {
      // Used only while its first is under way; most are not, and at ten thousand a second one for each would be most of the memory.
      if (ticket.mergedInto !== undefined) spare = freshTicket();
      return;
    }
    spare = freshTicket();
    void send(`raw/${scannerId}`, rawAdvert(advert, scannerId).bytes).then(sent =>
      settle(ticket, sent ? { ok: true } : { ok: false, kind: 'outage', reason: 'dropped' }),
    );
  }

  function beat(): void {
    const message: HeartbeatWire = {
      scanner_id: scannerId,
      timestamp: new Date().toISOString(),
      uptime_s: Math.round((systemClock.steady() - startedAt) / 1000),
      messages_sent: link.sent,
      devices_seen: devices.count,
      adapter_status: adapter,
      ...(config.location === undefined ? {} : { location: config.location }),
    };
    void send(`scanner/${scannerId}/status`, Buffer.from(JSON.stringify(message)));
  }

  radio.onState(({ state, reason }) => {
    if (state !== adapter) log(state === 'on' || state === 'starting' ? 'info' : 'warn', `radio ${state}`, { reason });
    adapter = state;
  });
  radio.onFault(reason => log('warn', 'radio fault', { reason }));
  radio.onLost((count, reason) => log('warn', 'adverts were lost', { count, reason }));
  const scan = oneScan(() => radio.scan(heard));
  const commands = listen(
    config,
    {
      heartbeat: beat,
      restart_scan: () => void scan.anew(),
    },
    answer => void send(`command/${scannerId}/result`, Buffer.from(JSON.stringify(answer))),
  );
  const first = setTimeout(beat, FIRST_BEAT_MS);
  const clockwork = setInterval(beat, config.heartbeatSeconds * 1000);
  log('info', 'scanning', { scanner_id: scannerId, adapter: ble.hci, mode: ble.active ? 'active' : 'passive' });

  return {
    async close() {
      clearTimeout(first);
      clearInterval(clockwork);
      await scan.close();
      await Promise.all([radio.close(), commands.close()]);
      await link.close();
      log('info', 'stopped', { messages_sent: link.sent, dropped: link.dropped });
    },
  };
}

type Answer = { id: unknown; ok: boolean; error?: string };

/** Commands of `{prefix}/command/{scanner}` (B08): `{"id", "command"}`. */
function listen(
  { scannerId, mqtt }: ScanConfig,
  acts: Readonly<Record<string, () => void>>,
  answer: (answer: Answer) => void,
): { close(): Promise<void> } {
  const source = wireSource({
    url: mqtt.url,
    clientId: `fieldline-scan-${scannerId}-commands`,
    filters: [{ filter: `${mqtt.topicPrefix}/command/${scannerId}`, qos: 1 }],
    window: COMMANDS,
    // A command of yesterday is not to be carried out today.
    sessionExpirySeconds: 0,
    source: scannerId,
    maxPacketBytes: 1 << 16,
  });
  return source((raw, settle) => {
    answer(perform(Buffer.from(raw.bytes).toString(), acts));
    settle({ ok: true });
  });
}

function perform(text: string, acts: Readonly<Record<string, () => void>>): Answer {
  let request: { id?: unknown; command?: unknown } | null = null;
  try {
    request = JSON.parse(text) as { id?: unknown; command?: unknown } | null;
    const name = String(request?.command);
    const act = Object.hasOwn(acts, name) ? acts[name] : undefined;
    if (act === undefined)
      return {
        id: request?.id,
        ok: false,
        error: expected('command', Object.keys(acts).join(' or '), request?.command),
      };
    act();
    return { id: request?.id, ok: true };
  } catch (error) {
    return { id: request?.id, ok: false, error: reasonOf(error) };
  }
}

const freshTicket = (): Ticket => issueTicket(0, 0, () => {});

/** Devices heard, exact up to a limit: rotating addresses must not fill the memory. */
function deviceCount(): { add(address: string): void; readonly count: number } {
  const seen = new Set<string>();
  return {
    add(address) {
      if (seen.size < DEVICES) seen.add(address);
    },
    get count() {
      return seen.size;
    },
  };
}
