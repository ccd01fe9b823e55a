// The position on the disk: taken once, and nothing of a file that is not whole.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { channelNamed } from './channels.ts';
import { noFilter } from './filter.ts';
import { createHub } from './hub.ts';
import { laser } from './live.fixture.ts';
import { leaveStand, takeStand } from './position.ts';
import { ofChannel } from './selection.ts';

describe('live position on the disk', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-live-'));
  const file = path.join(folder, 'live.json');
  after(() => rmSync(folder, { recursive: true }));

  const hub = createHub();
  hub.look(ofChannel(channelNamed('alarms')!, noFilter, undefined));
  hub.publish([laser(1, { orgId: 'acme' }), laser(2)]);
  const stand = {
    position: hub.position,
    cursor: { database: 'd', floor: '7', seen: [[1, '7']] as const, last: 1 },
  };

  it('is what it was, once: as long as a hub works there is none', () => {
    leaveStand(file, stand);
    const taken = takeStand(file)!;
    assert.deepEqual(taken.cursor, stand.cursor);
    assert.deepEqual(taken.position, JSON.parse(JSON.stringify(stand.position)));
    const next = createHub({ position: taken.position });
    assert.deepEqual([next.epoch, next.position.offset], [hub.epoch, hub.position.offset]);
    assert.equal(existsSync(file), false);
    assert.equal(takeStand(file), undefined);
    next.close();
  });

  it('is none where the file is not whole', () => {
    leaveStand(file, stand);
    const whole = JSON.stringify({ form: 1, ...stand });
    for (const text of [
      ...['', '{', 'null', '[]', '7', '{}', whole.slice(0, -5)],
      ...[{ form: 2, ...stand }, { form: 1 }, { form: 1, position: { epoch: 'e', offset: 1 } }].map(one =>
        JSON.stringify(one),
      ),
      ...[
        { epoch: 'e', offset: 0, rows: stand.position.rows },
        { epoch: 'e', offset: 1, rows: [{}] },
      ].map(position => JSON.stringify({ form: 1, position })),
    ]) {
      writeFileSync(file, text);
      assert.equal(takeStand(file), undefined, text.slice(0, 60));
      assert.equal(existsSync(file), false);
    }
  });

  hub.close();
});
