// Doors on a server: who stands at one is asked first, and an upgrade that nobody takes ends, also on a connection that was kept.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { openDoor } from './door.ts';

const upgradeOf = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

describe('door', () => {
  let server: Server;
  let line: Socket;
  const ends: Socket[] = [];

  beforeEach(async () => {
    server = createServer((_request, response) => response.end('editor'));
    // Of Node-RED's editor: it takes its own path and leaves the others to others.
    server.on('upgrade', (request, socket) => {
      if (request.url === '/comms') socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
    openDoor(server, {
      leads: path => path === '/live',
      request: (_request, response) => response.end('door'),
      upgrade: (_request, socket) => socket.write('HTTP/1.1 101 At The Door\r\n\r\n'),
    });
    server.on('connection', socket => ends.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    line = connect((server.address() as AddressInfo).port, '127.0.0.1');
    line.setEncoding('utf8');
  });
  afterEach(async () => {
    line.destroy();
    for (const end of ends.splice(0)) end.destroy();
    server.close();
    await once(server, 'close');
  });

  async function say(text: string, enough: RegExp): Promise<void> {
    line.write(text);
    let heard = '';
    while (!enough.test(heard)) heard += String((await once(line, 'data'))[0]);
  }

  it('takes the requests and upgrades of its paths, and no others', async () => {
    await say('GET /live HTTP/1.1\r\nHost: x\r\n\r\n', /door/);
    await say('GET /other HTTP/1.1\r\nHost: x\r\n\r\n', /editor/);
    await say(upgradeOf('/live?x=1'), /At The Door/);
  });

  for (const kept of [false, true])
    it(`ends an upgrade that nobody takes${kept ? ', on a connection that was kept' : ''}`, async () => {
      if (kept) await say('GET /other HTTP/1.1\r\nHost: x\r\n\r\n', /editor/);
      line.write(upgradeOf('/nobody'));
      await once(line, 'close');
    });

  it('leaves alone what another one takes', async () => {
    await say('GET /other HTTP/1.1\r\nHost: x\r\n\r\n', /editor/);
    await say(upgradeOf('/comms'), /101/);
    const untaken = connect((server.address() as AddressInfo).port, '127.0.0.1');
    untaken.write(upgradeOf('/nobody'));
    // That it was ended says that the time of the earlier one is over, too.
    await once(untaken, 'close');
    assert.equal(line.destroyed || line.readableEnded, false);
  });
});
