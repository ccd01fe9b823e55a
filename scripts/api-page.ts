// `node scripts/api-page.ts`: writes docs/api.md, every route with the answer of a real API on a real database.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openWorld, writingIntake } from '../src/api/api.fixture.ts';
import { migrate } from '../src/store/migrate.ts';
import { openStore } from '../src/store/store.ts';
import { apiPage, fill, pageFile } from '../test/api/page.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { root } from './imports.ts';

const postgres = await startPostgres();
await migrate(postgres.url);
const store = openStore({ url: postgres.url });
const world = await openWorld(store.query);
world.offer(writingIntake(store.query));
await fill(store.query);
writeFileSync(path.join(root, pageFile), await apiPage(world));
await world.close();
await store.close();
await postgres.stop();
console.log(pageFile);
