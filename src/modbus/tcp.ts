// Modbus TCP transport on modbus-serial's client, with a guard on the socket that lets no wrong answer through and no call hang.
import { connect as openSocket, type Socket } from 'node:net';
import modbusSerial from 'modbus-serial';
import { reasonOf } from '../kernel/fault.ts';
import { exceptionName, ModbusFault } from './fault.ts';
import { answerBytes, type Connect, type Link, nameOf, type ReadRequest } from './link.ts';
import { answerFault, frameReader } from './mbap.ts';

export type TcpOptions = {
  host: string;
  port: number;
  connectTimeoutMs: number;
  /** Where only units that were silent before do not answer, the link may be well, but nobody can tell: it is dropped after this. */
  quietMs?: number;
};

/** A stream that lost its framing never answers again, and TCP does not tell: after this many timeouts in a row it is dropped. */
const SILENT_LIMIT = 2;
const QUIET_MS = 30_000;

export function tcpConnector(options: TcpOptions): Connect {
  return async signal => linkOver(await dial(options, signal), options.quietMs ?? QUIET_MS);
}

/** The socket, connected. The library's own connect leaves a socket connecting after its timeout; this one destroys it. */
function dial({ host, port, connectTimeoutMs }: TcpOptions, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = openSocket({ host, port });
    const giveUp = (reason: string) => {
      over();
      socket.on('error', () => {});
      socket.destroy();
      reject(new ModbusFault('link', `${host}:${port}: ${reason}`));
    };
    const onAbort = () => giveUp('closed while connecting');
    const onError = (error: Error) => giveUp(reasonOf(error));
    const patience = setTimeout(() => giveUp(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);
    const over = () => {
      clearTimeout(patience);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
    };
    signal.addEventListener('abort', onAbort);
    socket.once('error', onError);
    socket.once('connect', () => {
      over();
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      resolve(socket);
    });
    if (signal.aborted) onAbort();
  });
}

/** What of modbus-serial 8.0.25 has no public name: its counter runs over 8 bits only, and answered calls stay in its table. */
type Inside = { _port: { _transactionIdWrite: number }; _transactions: Record<number, unknown> };
type Waiting = { request: ReadRequest; fail: (fault: ModbusFault) => void };

async function linkOver(socket: Socket, quietMs: number): Promise<Link> {
  const client = new modbusSerial.default();
  const waiting = new Map<number, Waiting>();
  const { promise: ended, resolve: sayEnded } = Promise.withResolvers<string>();
  let over = false;
  let silent = 0;
  let heardAt = performance.now();
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

  const missed = (blame: 'link' | 'unit') => {
    if (blame === 'link' && ++silent >= SILENT_LIMIT) end(`no answer to ${silent} requests in a row`);
    else if (performance.now() - heardAt > quietMs) end(`no answer for ${quietMs / 1000} s`);
  };

  // Registered before the library's own listener, so that what is wrong is refused before the library believes it.
  const readFrames = frameReader();
  socket.on('data', chunk => {
    const { frames, broken } = readFrames(chunk);
    for (const frame of frames) {
      const call = waiting.get(frame.transaction);
      if (call === undefined) continue;
      silent = 0;
      heardAt = performance.now();
      const wrong = answerFault(call.request, frame);
      if (wrong !== undefined) call.fail(new ModbusFault('answer', wrong));
    }
    if (broken !== undefined) end(broken);
  });
  socket.on('error', error => end(reasonOf(error)));
  socket.on('end', () => end('closed by the other side'));
  socket.on('close', () => end('closed'));
  client.on('error', error => end(reasonOf(error)));
  await client.linkTCP(socket, { port: 0, socket });
  const inside = client as unknown as Inside;

  const call = (request: ReadRequest, timeoutMs: number): Promise<{ buffer: Buffer }> => {
    client.setTimeout(timeoutMs);
    client.setID(request.unit);
    inside._port._transactionIdWrite = transaction;
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
    read(request, timeoutMs, blame = 'link') {
      if (over) return Promise.reject(new ModbusFault('link', 'not connected'));
      // 16 bits: an answer that is late by a whole round of the counter would be taken for another's.
      transaction = (transaction % 0xffff) + 1;
      const own = transaction;
      return new Promise((resolve, reject) => {
        waiting.set(own, { request, fail: reject });
        const settled = () => {
          waiting.delete(own);
          delete inside._transactions[own];
        };
        call(request, timeoutMs).then(
          ({ buffer }) => {
            settled();
            if (buffer.length === answerBytes(request)) resolve(new Uint8Array(buffer));
            else reject(new ModbusFault('answer', `answer for ${nameOf(request)}: got ${buffer.length} bytes of data`));
          },
          (error: unknown) => {
            settled();
            const fault = faultOf(error, request, timeoutMs);
            reject(fault);
            if (fault.trouble === 'timeout') missed(blame);
          },
        );
      });
    },
  };
}

/** The library rejects with objects that are no Error: told apart by errno and exception code. */
function faultOf(error: unknown, request: ReadRequest, timeoutMs: number): ModbusFault {
  const { errno, modbusCode, message } = (error ?? {}) as { errno?: unknown; modbusCode?: unknown; message?: unknown };
  if (typeof modbusCode === 'number')
    return new ModbusFault('exception', `${nameOf(request)}: ${exceptionName(modbusCode)}`, modbusCode);
  if (errno === 'ETIMEDOUT') return new ModbusFault('timeout', `${nameOf(request)}: no answer within ${timeoutMs} ms`);
  if (errno === 'ECONNREFUSED') return new ModbusFault('link', `${nameOf(request)}: not connected`);
  return new ModbusFault('answer', `${nameOf(request)}: ${typeof message === 'string' ? message : reasonOf(error)}`);
}
