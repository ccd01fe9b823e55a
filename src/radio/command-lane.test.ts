// One command after the other, also at a controller that counts its credits wrongly or says nothing.
import assert from 'node:assert/strict';
import type { CommandAnswer } from './answers.ts';
import { type CommandLane, commandLane } from './command-lane.ts';

const packet = (opcode: number): Buffer => Buffer.of(1, opcode & 0xff, opcode >> 8, 0);

describe('command lane', () => {
  let lane: CommandLane;
  let sent: number[];
  let onSend: (opcode: number) => void;
  let onSilence: (opcode: number) => void;
  const open = (oneByOne: boolean): void => {
    lane = commandLane({
      send(bytes) {
        const opcode = bytes.readUInt16LE(1);
        sent.push(opcode);
        onSend(opcode);
      },
      oneByOne,
      timeoutMs: 20,
      onSilence: opcode => onSilence(opcode),
    });
  };
  const answered = (opcode: number, credits = 1): CommandAnswer => ({
    ...{ opcode, status: 0, values: Buffer.alloc(0), credits, pending: false },
  });
  beforeEach(() => {
    sent = [];
    onSend = () => {};
    onSilence = () => {};
  });
  afterEach(() => lane.close());

  it('sends the next when the last is answered, where it is to be alone', () => {
    open(true);
    for (const opcode of [1, 2, 3]) lane.push(packet(opcode), () => {});
    assert.deepEqual(sent, [1]);
    assert.equal(lane.answer(answered(1)), true);
    assert.deepEqual(sent, [1, 2]);
    assert.equal(lane.answer(answered(9)), false);
    assert.deepEqual(sent, [1, 2]);
  });

  it('sends all at once where others use the controller too', () => {
    open(false);
    for (const opcode of [1, 2, 3]) lane.push(packet(opcode), () => {});
    assert.deepEqual(sent, [1, 2, 3]);
  });

  it('goes on by itself when a controller that took no more says nothing further', async () => {
    open(true);
    for (const opcode of [1, 2]) lane.push(packet(opcode), () => {});
    const second = new Promise<number>(resolve => {
      onSend = resolve;
    });
    lane.answer(answered(1, 0));
    assert.deepEqual(sent, [1]);
    assert.equal(await second, 2);
  });

  it('tells of a command that is not answered, and goes on after one that may be silent', async () => {
    open(true);
    const answer = await new Promise(resolve => lane.push(packet(1), resolve, true));
    assert.equal(answer, undefined);
    const silent = new Promise<number>(resolve => {
      onSilence = resolve;
    });
    lane.push(packet(2), () => {});
    assert.equal(await silent, 2);
  });
});
