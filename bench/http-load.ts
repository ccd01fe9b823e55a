// Posts at a steady rate, each due at its time whether the ones before were answered or not; over kept connections.
import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

export type Posts = {
  /** From the moment each was due to its answer, milliseconds. */
  latencies: readonly number[];
  statuses: ReadonlyMap<number, number>;
};

type Post = { body: string; key: string };

/** `make(n)` gives the nth post. A connection that fails counts as status 0. */
export async function postAt(url: string, rate: number, seconds: number, make: (n: number) => Post): Promise<Posts> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 128 });
  const latencies: number[] = [];
  const statuses = new Map<number, number>();
  const open = new Set<Promise<void>>();
  const began = performance.now();
  const total = Math.round(rate * seconds);
  for (let n = 0; n < total; n++) {
    const due = began + (n * 1000) / rate;
    const rest = due - performance.now();
    if (rest > 1) await wait(rest);
    const one = post(agent, url, make(n)).then(status => {
      latencies.push(performance.now() - due);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      open.delete(one);
    });
    open.add(one);
  }
  await Promise.all(open);
  agent.destroy();
  return { latencies, statuses };
}

/** One after the other over one connection: what an answer takes when nothing else is going on. */
export async function postInTurn(url: string, count: number, post_: Post): Promise<Posts> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const latencies: number[] = [];
  const statuses = new Map<number, number>();
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    const status = await post(agent, url, post_);
    latencies.push(performance.now() - began);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  agent.destroy();
  return { latencies, statuses };
}

function post(agent: http.Agent, url: string, { body, key }: Post): Promise<number> {
  return new Promise(resolve => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'x-api-key': key };
    const request = http.request(url, { method: 'POST', agent, headers }, response => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', () => resolve(0));
    });
    request.once('error', () => resolve(0));
    request.end(body);
  });
}
