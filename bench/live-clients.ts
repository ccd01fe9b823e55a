// The process of the live clients: many bare WebSockets on one channel, each noting when a value arrives; started by figures/live.ts.
import { WebSocket } from 'ws';

/** `value` of each publication and when it came, milliseconds since the epoch. */
export type Arrival = { client: number; value: number; at: number };

type Frame = {
  id?: number;
  subscribe?: object;
  error?: object;
  push?: { pub?: { data: { value_mm?: number } } };
};

const [url = '', channel = '', clients = '1'] = process.argv.slice(2);
const arrivals: Arrival[] = [];
let subscribed = 0;

function open(client: number): WebSocket {
  const socket = new WebSocket(url);
  socket.on('open', () =>
    socket.send(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":${JSON.stringify(channel)}}}`),
  );
  socket.on('message', data => {
    const at = performance.timeOrigin + performance.now();
    for (const line of data.toString().split('\n')) {
      const frame = JSON.parse(line) as Frame;
      if (frame.error !== undefined) throw new Error(line);
      if (frame.id === 2 && ++subscribed === Number(clients)) process.send!('subscribed');
      // An empty object is a ping, answered in kind.
      if (line === '{}') socket.send('{}');
      const value = frame.push?.pub?.data.value_mm;
      if (value !== undefined) arrivals.push({ client, value, at });
    }
  });
  return socket;
}

const sockets = Array.from({ length: Number(clients) }, (_, client) => open(client));
process.on('message', () => {
  process.send!(arrivals, () => process.disconnect());
});
process.on('disconnect', () => {
  for (const socket of sockets) socket.terminate();
});
