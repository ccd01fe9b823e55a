// After npm install or npm ci: tries each compiled add-on under the Node that will run it and rebuilds what does not load.
// An add-on that cannot be built is reported by the node that needs it; the install itself never fails.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
/** What is not to be had without each. */
const ADD_ONS = {
  '@serialport/bindings-cpp': 'Modbus over a serial line',
  '@abandonware/bluetooth-hci-socket': 'Bluetooth adapters of this machine',
};

/** In a process of its own: a damaged add-on may crash the one that loads it. */
function loads(name) {
  return (
    spawnSync(process.execPath, ['-e', `require(${JSON.stringify(name)})`], { cwd: root, stdio: 'ignore' }).status === 0
  );
}

/** Folder with the headers of this Node, which the npm package of Node brings along; node-gyp would download them. */
function headers() {
  const packaged = path.join(root, 'node_modules', `node-${process.platform}-${process.arch}`);
  const candidates = [path.resolve(path.dirname(process.execPath), '..'), packaged];
  return candidates.find(folder => existsSync(path.join(folder, 'include/node/node.h')));
}

const broken = Object.keys(ADD_ONS).filter(name => existsSync(path.join(root, 'node_modules', name)) && !loads(name));
if (broken.length > 0) {
  const nodedir = headers();
  spawnSync('npm', ['rebuild', ...broken], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(nodedir && { npm_config_nodedir: nodedir }) },
  });
  const still = broken.filter(name => !loads(name));
  if (still.length > 0)
    console.warn(`Not built: ${still.join(', ')}. Unavailable: ${still.map(name => ADD_ONS[name]).join(', ')}.`);
}
