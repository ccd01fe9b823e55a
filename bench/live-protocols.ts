// Live clients of each protocol as bare as can be, so that they cost little beside what they measure.
import { connect } from 'node:net';
import { WebSocket } from 'ws';

export const protocols = ['ws', 'supabase', 'socket.io', 'sse'] as const;
export type Protocol = (typeof protocols)[number];

export type LiveClient = {
  /** Takes nothing any more, as a program that hangs. */
  stall(): void;
  close(): void;
};

export type LiveClientOptions = {
  /** Host and port. */
  at: string;
  channel: string;
  conflateMs?: number | undefined;
  onReady(): void;
  /** What came in one piece: how many rows, and the values of some of them. */
  onRows(count: number, values: readonly number[]): void;
  /** Values of every row are read, not only that of the last in a piece. */
  all: boolean;
};

export const openClient: Readonly<Record<Protocol, (options: LiveClientOptions) => LiveClient>> = {
  ws: options => {
    const { at, channel, conflateMs, onReady } = options;
    const data = conflateMs === undefined ? {} : { conflate_ms: conflateMs };
    const subscribe = JSON.stringify({ id: 2, subscribe: { channel, data } });
    return socket(`ws://${at}/ws`, [`{"id":1,"connect":{}}\n${subscribe}`], (text, line) => {
      if (text === '{}') line.send('{}');
      else if (text.startsWith('{"push"')) read(text, options);
      else if (text.includes('"subscribe"')) onReady();
    });
  },
  supabase: options => {
    const config = { postgres_changes: [{ event: 'INSERT', schema: 'public', table: 'measurements' }] };
    const join = JSON.stringify(['1', '1', 'realtime:bench', 'phx_join', { config }]);
    return socket(`ws://${options.at}/realtime/v1/websocket?vsn=2.0.0&apikey=bench`, [join], text => {
      if (text.includes('"postgres_changes",{"ids"')) read(text, options);
      else if (text.includes('Subscribed to PostgreSQL')) options.onReady();
    });
  },
  'socket.io': options => {
    const { at, channel, onReady } = options;
    // Its packets: 0 open, 40 connected, 42 an event, 43 an acknowledgement, 2 a ping.
    return socket(`ws://${at}/socket.io/?EIO=4&transport=websocket`, [], (text, line) => {
      if (text.startsWith('42')) read(text, options);
      else if (text.startsWith('0')) line.send('40');
      else if (text.startsWith('40')) line.send(`420${JSON.stringify(['subscribe', channel])}`);
      else if (text.startsWith('43')) onReady();
      else if (text === '2') line.send('3');
    });
  },
  sse: options => {
    const { at, channel, onReady } = options;
    const [host = '', port = ''] = at.split(':');
    const line = connect(Number(port), host);
    let began = false;
    line.write(`GET /sse?channel=${encodeURIComponent(channel)} HTTP/1.1\r\nHost: ${at}\r\n\r\n`);
    line.on('data', bytes => {
      const text = bytes.toString();
      if (!began && text.includes('id: ')) {
        began = true;
        onReady();
      } else read(text, options);
    });
    line.on('error', () => undefined);
    return { stall: () => void line.pause(), close: () => void line.destroy() };
  },
};

function socket(url: string, first: readonly string[], hear: (text: string, line: WebSocket) => void): LiveClient {
  const line = new WebSocket(url, { perMessageDeflate: false });
  line.on('open', () => {
    for (const frame of first) line.send(frame);
  });
  line.on('message', data => hear(String(data), line));
  line.on('error', () => undefined);
  return { stall: () => line.pause(), close: () => line.terminate() };
}

const VALUE = '"value_mm":';

function read(text: string, { onRows, all }: LiveClientOptions): void {
  const values: number[] = [];
  let count = 0;
  for (let at = text.indexOf(VALUE); at !== -1; at = text.indexOf(VALUE, at + 1)) {
    count++;
    if (all) values.push(Number.parseFloat(text.slice(at + VALUE.length, at + 40)));
  }
  if (!all) values.push(Number.parseFloat(text.slice(text.lastIndexOf(VALUE) + VALUE.length).slice(0, 30)));
  onRows(count, values);
}
