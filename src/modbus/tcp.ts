// Modbus TCP transport on modbus-serial's client, with a guard on the socket that lets no wrong answer through and no call hang.
import type { Socket } from 'node:net';
import modbusSerial from 'modbus-serial';
import { reasonOf } from '../kernel/fault.ts';
import { dial, type Peer } from './dial.ts';
import { exceptionName, ModbusFault } from './fault.ts';
import {
  type Asking,
  answerBytes,
  type Connect,
  isWrite,
  type Link,
  nameOf,
  type ReadRequest,
  type Request,
  type WriteRequest,
} from './link.ts';
import { frameReader } from './mbap.ts';
import { answerFault } from './pdu.ts';
import { silenceWatch } from './silence.ts';

export type TcpOptions = Peer & { quietMs?: number };

export function tcpConnector(options: TcpOptions): Connect {
  return async signal => linkOver(await dial(options, signal), options.quietMs);
}

/** What of modbus-serial 8.0.25 has no public name: its counter runs over 8 bits only, and answered calls stay in its table. */
type Inside = { _port: { _transactionIdWrite: number }; _transactions: Record<number, unknown> };
type Waiting = { request: Request; sentAt: number; asking: Asking; fail: (fault: ModbusFault) => void };

/** Requests that were given up and whose answer, should it still come, tells how slow their unit is. */
const LATE_LIMIT = 64;

async function linkOver(socket: Socket, quietMs: number | undefined): Promise<Link> {
  const client = new modbusSerial.default();
  const waiting = new Map<number, Waiting>();
  const givenUp = new Map<number, Waiting>();
  const { promise: ended, resolve: sayEnded } = Promise.withResolvers<string>();
  let over = false;
  let transaction = 0;

  const end = (reason: string) => {
    if (over) return;
    over = true;
    socket.destroy();
    // The library leaves calls pending when a link is lost; destroy() stops only their timers.
    client.destroy(() => {});
    for (const { fail } of waiting.values()) fail(new ModbusFault('link', `connection lost: ${reason}`));
    waiting.clear();
    sayEnded(reason);
  };

  const watch = silenceWatch(end, quietMs);

  // Registered before the library's own listener, so that what is wrong is refused before the library believes it.
  const readFrames = frameReader();
  socket.on('data', chunk => {
    const { frames, broken } = readFrames(chunk);
    for (const frame of frames) {
      const call = waiting.get(frame.transaction);
      if (call === undefined) {
        noteLate(frame.transaction);
        continue;
      }
      watch.heard();
      const wrong = answerFault(call.request, frame);
      if (wrong !== undefined) call.fail(new ModbusFault('answer', wrong));
      else call.asking.heard?.(performance.now() - call.sentAt, false);
    }
    if (broken !== undefined) end(broken);
  });
  socket.on('error', error => end(reasonOf(error)));
  socket.on('end', () => end('closed by the other side'));
  socket.on('close', () => end('closed'));
  client.on('error', error => end(reasonOf(error)));
  await client.linkTCP(socket, { port: 0, socket });
  const inside = client as unknown as Inside;

  function noteLate(own: number): void {
    const call = givenUp.get(own);
    givenUp.delete(own);
    call?.asking.heard?.(performance.now() - call.sentAt, true);
  }

  /** The bytes of a read; a write's confirmation has been checked by then. */
  const call = async (request: Request, timeoutMs: number): Promise<Uint8Array> => {
    client.setTimeout(timeoutMs);
    client.setID(request.unit);
    inside._port._transactionIdWrite = transaction;
    if (isWrite(request)) {
      await write(request);
      return new Uint8Array(0);
    }
    return new Uint8Array((await read(request)).buffer);
  };

  const write = ({ write: code, address, values }: WriteRequest): Promise<unknown> => {
    switch (code) {
      case 5:
        return client.writeCoil(address, values[0] !== 0);
      case 6:
        return client.writeRegister(address, values[0] ?? 0);
      case 15:
        return client.writeCoils(
          address,
          values.map(value => value !== 0),
        );
      case 16:
        return client.writeRegisters(address, [...values]);
    }
  };

  const read = (request: ReadRequest): Promise<{ buffer: Buffer }> => {
    switch (request.table) {
      case 'coil':
        return client.readCoils(request.address, request.count);
      case 'discrete':
        return client.readDiscreteInputs(request.address, request.count);
      case 'holding':
        return client.readHoldingRegisters(request.address, request.count);
      case 'input':
        return client.readInputRegisters(request.address, request.count);
    }
  };

  return {
    get alive() {
      return !over;
    },
    ended,
    end,
    ask(request, timeoutMs, asking = {}) {
      if (over) return Promise.reject(new ModbusFault('link', 'not connected'));
      // 16 bits: an answer that is late by a whole round of the counter would be taken for another's.
      transaction = (transaction % 0xffff) + 1;
      const own = transaction;
      return new Promise((resolve, reject) => {
        const mine: Waiting = { request, sentAt: performance.now(), asking, fail: reject };
        waiting.set(own, mine);
        givenUp.delete(own);
        const settled = () => {
          waiting.delete(own);
          delete inside._transactions[own];
        };
        call(request, timeoutMs).then(
          data => {
            settled();
            if (data.length === answerBytes(request)) resolve(data);
            else reject(new ModbusFault('answer', `answer for ${nameOf(request)}: got ${data.length} bytes of data`));
          },
          (error: unknown) => {
            settled();
            const fault = faultOf(error, request, timeoutMs);
            reject(fault);
            if (fault.trouble !== 'timeout') return;
            giveUp(own, mine);
            watch.missed(asking.blame ?? 'link');
          },
        );
      });
    },
  };

  function giveUp(own: number, call: Waiting): void {
    givenUp.set(own, call);
    const [oldest] = givenUp.keys();
    if (givenUp.size > LATE_LIMIT && oldest !== undefined) givenUp.delete(oldest);
  }
}

/** The library rejects with objects that are no Error: told apart by errno and exception code. */
function faultOf(error: unknown, request: Request, timeoutMs: number): ModbusFault {
  const { errno, modbusCode, message } = (error ?? {}) as { errno?: unknown; modbusCode?: unknown; message?: unknown };
  if (typeof modbusCode === 'number')
    return new ModbusFault('exception', `${nameOf(request)}: ${exceptionName(modbusCode)}`, modbusCode);
  if (errno === 'ETIMEDOUT') return new ModbusFault('timeout', `${nameOf(request)}: no answer within ${timeoutMs} ms`);
  if (errno === 'ECONNREFUSED') return new ModbusFault('link', `${nameOf(request)}: not connected`);
  return new ModbusFault('answer', `${nameOf(request)}: ${typeof message === 'string' ? message : reasonOf(error)}`);
}
