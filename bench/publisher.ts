// The publishing process: energy messages at a rate, counted when they are acknowledged; started by load.ts.
import type { Progress, Task } from './load.ts';
import { percentile } from './machine.ts';
import { energyMessage } from './message.ts';
import { type Connection, openConnection } from './mqtt-connection.ts';

const task = JSON.parse(process.argv[2]!) as Task;
const TICK_MS = 2;
const PROGRESS_MS = 100;
/** Waits for PUBACK that are kept, one in so many. */
const SAMPLE = 20;

const connections = Array.from({ length: task.connections }, (_, n) =>
  openConnection({
    url: task.url,
    clientId: `${task.range.prefix}-publisher-${n}`,
    window: Math.ceil(task.window / task.connections),
  }),
);
const waits: number[] = [];
// What is due before there is a way to send it would count against the system that is measured.
await Promise.all(connections.map(connection => connection.opened));
const startedAt = performance.now();
const epoch = Date.now() * 1000;
let next = task.range.first;
let acknowledged = 0;
let firstOpen = task.range.first;
const early = new Set<number>();
let lastMicroseconds = 0;
let stopping = false;

/** Keeps the longest prefix that is acknowledged and the numbers beyond it: exact, and small. */
function acknowledge(number: number, sentAt: number): void {
  acknowledged++;
  if (number % SAMPLE === 0) waits.push(performance.now() - sentAt);
  early.add(number);
  while (early.delete(firstOpen)) firstOpen++;
}

/** Microseconds since the epoch at which a number is due; at full speed the time it is made, never twice the same. */
function timeOf(number: number): number {
  const elapsed =
    task.rate === 0 ? (performance.now() - startedAt) * 1000 : ((number - task.range.first) * 1e6) / task.rate;
  lastMicroseconds = Math.max(lastMicroseconds + 1, Math.floor(epoch + elapsed));
  return lastMicroseconds;
}

function publishOne(connection: Connection, number: number): void {
  const { topic, payload } = energyMessage(task.range.prefix, number, timeOf(number), task.timed);
  const sentAt = performance.now();
  connection.publish(topic, payload, () => {
    acknowledge(number, sentAt);
    if (task.rate === 0) publishDue();
  });
}

/** Messages that are due; those the window has no room for stay due, with the time at which they should have gone. */
function publishDue(): void {
  if (stopping) return;
  const elapsed = (performance.now() - startedAt) / 1000;
  if (elapsed >= task.seconds) stopping = true;
  const due =
    task.rate === 0 ? Number.POSITIVE_INFINITY : task.range.first + task.rate * Math.min(elapsed, task.seconds);
  while (next < Math.min(due, task.range.next)) {
    // A device belongs to one connection, which keeps its order.
    const connection = connections[next % connections.length]!;
    if (connection.room <= 0) break;
    publishOne(connection, next++);
  }
  if (next >= task.range.next) stopping = true;
}

function progress(): Progress {
  const ended = stopping && acknowledged === next - task.range.first;
  // Told ten times a second, and sorting them takes long.
  const waited = (p: number) => (ended ? percentile(waits, p) : Number.NaN);
  return {
    range: { ...task.range, next },
    acknowledged,
    // At most a window of them.
    unacknowledged: stopping
      ? Array.from({ length: next - firstOpen }, (_, n) => firstOpen + n).filter(n => !early.has(n))
      : [],
    reconnects: connections.reduce((sum, one) => sum + one.reconnects, 0),
    seconds: (performance.now() - startedAt) / 1000,
    waitMs: { p50: waited(0.5), p99: waited(0.99) },
    ended,
  };
}

const ticking = setInterval(publishDue, TICK_MS);
const reporting = setInterval(() => {
  const now = progress();
  process.send!(now);
  if (now.ended) finish();
}, PROGRESS_MS);

function finish(): void {
  clearInterval(ticking);
  clearInterval(reporting);
  for (const connection of connections) connection.close();
  if (process.connected) process.disconnect();
}

process.on('message', message => {
  if (message === 'stop') stopping = true;
});
process.on('disconnect', finish);
