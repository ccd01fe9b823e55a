// For the tests of the Centrifugo codec: clients on no socket, frames in, frames and close codes out, on a clock that stands still.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import type { Refused } from '../kernel/token.ts';
import type { Principal } from '../reading/principal.ts';
import { type CentrifugoOptions, centrifugoCodec } from './centrifugo.ts';
import type { Session } from './codec.ts';
import type { Hub } from './hub.ts';

export type Line = Record<string, Record<string, unknown>> & { id?: number };
type Identify = (token: string) => Principal | Refused;

export type TestClient = {
  lines: Line[];
  frames: number;
  closed: number | undefined;
  /** What it has not taken. */
  backlog: number;
  session: Session;
  /** One frame, a line for each. */
  say(...commands: unknown[]): void;
};

export const clock = fakeClock();

export function clientOf(
  hub: Hub,
  options: CentrifugoOptions = {},
  identify: Identify = () => ({ role: 'viewer' }),
): TestClient {
  const it = { lines: [] as Line[], frames: 0, closed: undefined as number | undefined, backlog: 0 };
  const session = centrifugoCodec({ clock, ...options })(hub, {
    send(frame) {
      it.frames++;
      for (const line of String(frame).split('\n')) it.lines.push(JSON.parse(line));
    },
    close({ code }) {
      assert.equal(it.closed, undefined, 'closed once');
      it.closed = code;
    },
    get backlog() {
      return it.backlog;
    },
    turn: work => work(),
    sendBytes: () => assert.fail('no binary frames'),
    query: new URLSearchParams(),
    headers: {},
    identify,
  });
  const say = (...commands: unknown[]) =>
    session.receive(commands.map(one => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n'));
  return Object.assign(it, { session, say });
}

/** One that has been welcomed, with nothing heard since. */
export function connectedTo(hub: Hub, options?: CentrifugoOptions, identify?: Identify): TestClient {
  const it = clientOf(hub, options, identify);
  it.say({ id: 1, connect: {} });
  assert.equal(it.lines[0]?.['connect']?.['pong'], true);
  it.lines.length = 0;
  return it;
}

export const subscribe = (channel: string, data?: object, more?: object) => ({
  id: 2,
  subscribe: { channel, data, ...more },
});
