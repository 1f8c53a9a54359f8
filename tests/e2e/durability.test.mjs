// durability.test.mjs - the data folder: what is acknowledged stays, and what must not be used is
// refused with words and exit 3.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { isFull } from './lib/custody.mjs';
import { Cyand, PASSWORD, USER } from './lib/cyand.mjs';
import { publicPem } from './lib/device.mjs';
import { splitAddress } from './lib/http.mjs';
import { atEnd, freshFolder } from './lib/program.mjs';
import { newKey } from './lib/rsa.mjs';
import { World } from './lib/world.mjs';

// cyand on this folder ends by itself with this code, and says what to do.
async function expectRefused(t, options, code, words) {
  const program = Cyand.spawn(t, options, options.http, options.device);
  const ended = await program.end();
  assert.deepEqual(ended, { code, signal: null }, program.stderr());
  assert.match(program.stderr(), words);
  assert.match(program.stderr(), /\n {2}try: /);
  assert.equal(program.stdout(), '');
}

function hexId(number) {
  return number.toString(16).padStart(24, '0');
}

test('every acknowledged provisioning and account is there after kill -9 at any moment', async (t) => {
  const world = await World.start(t, { args: ['--signup'] });
  const pem = publicPem(newKey(1024));
  const acknowledged = [];
  const accounts = [];
  let number = 0;
  for (let round = 0; round < 6; round++) {
    let killed = false;
    const token = await world.cyand.login();
    const work = async () => {
      while (!killed) {
        const id = hexId(++number);
        const answer = await world.cyand.provision(id, pem, token).catch(() => null);
        if (answer?.status < 300) {
          acknowledged.push(id);
        }
      }
    };
    const signUps = async () => {
      while (!killed) {
        const form = { username: `user${++number}@example.org`, password: PASSWORD };
        const answer = await world.cyand.request('POST', '/v1/users', { form }).catch(() => null);
        if (answer?.status < 300) {
          accounts.push(form.username);
        }
      }
    };
    const workers = [work(), work(), work(), signUps()];
    const enough = acknowledged.length + 10 + 7 * round;
    const people = accounts.length + 1;
    while (acknowledged.length < enough || accounts.length < people) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const ended = world.cyand.stop('SIGKILL');
    killed = true;
    await Promise.all([ended, ...workers]);
    await world.cyand.begin(world.cyand.http, world.cyand.device);
    const listed = (await world.cyand.get('/v1/devices', await world.cyand.login())).json;
    const there = new Set(listed.map((device) => device.id));
    assert.deepEqual(acknowledged.filter((id) => !there.has(id)), [], `lost in round ${round}`);
  }
  for (const user of accounts) {
    await world.cyand.login(user);
  }
});

test('a token outlives a restart and kill -9', async (t) => {
  const world = await World.start(t);
  const token = await world.cyand.login();
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    await world.cyand.restart(signal);
    assert.equal((await world.cyand.get('/v1/user', token)).json.username, USER);
  }
});

test('the first login without a given one is random, in a file of the owner, and works', async (t) => {
  const data = path.join(freshFolder(t), 'data');
  const cyand = await Cyand.start(t, { data, env: { CYAN_USER: '', CYAN_PASSWORD: '' } });
  const file = path.join(data, 'first-login');
  const [, user, password] = /^user: (.+)\npassword: (.+)\n$/.exec(fs.readFileSync(file, 'utf8'));
  assert.ok(password.length >= 16);
  assert.ok(cyand.program.stderr().includes(password));
  await cyand.login(user, password);
  for (const name of fs.readdirSync(data)) {
    const { mode } = fs.statSync(path.join(data, name));
    assert.equal(mode & 0o777, 0o600, `${name} has the mode ${(mode & 0o777).toString(8)}`);
  }
  await cyand.restart();
  assert.equal(cyand.program.stderr().includes(password), false);
  await cyand.login(user, password);
});

test('user and password of the environment are ignored on an existing folder', async (t) => {
  const cyand = await Cyand.start(t);
  await cyand.stop();
  const env = { CYAN_USER: 'eve@example.org', CYAN_PASSWORD: 'another secret' };
  const again = await Cyand.start(t, { data: cyand.data, env });
  await again.login();
  await assert.rejects(again.login('eve@example.org', 'another secret'));
});

test('a second cyand on one folder is refused, and a stale lock of kill -9 is no lock', async (t) => {
  const first = await Cyand.start(t);
  await expectRefused(t, { data: first.data }, 3, /in use|another cyand/i);
  assert.equal((await first.request('GET', '/healthz')).status, 200);
  await first.stop('SIGKILL');
  assert.ok(fs.existsSync(path.join(first.data, 'lock')));
  await Cyand.start(t, { data: first.data });
});

test('a used port is named, for devices and for HTTP, and the folder stays free', async (t) => {
  const taken = net.createServer();
  await new Promise((resolve) => {
    taken.listen(0, '127.0.0.1', resolve);
  });
  atEnd(t, () => taken.close());
  const address = `127.0.0.1:${taken.address().port}`;
  const data = path.join(freshFolder(t), 'data');
  await expectRefused(t, { data, http: address }, 1, new RegExp(address));
  await expectRefused(t, { data, device: address }, 1, new RegExp(address));
  await Cyand.start(t, { data });
});

test('a folder that cannot be made or written is refused', async (t) => {
  const file = path.join(freshFolder(t), 'file');
  fs.writeFileSync(file, 'no folder');
  for (const data of [file, path.join(file, 'below'), '/proc/cyan/data']) {
    await expectRefused(t, { data }, 3, new RegExp(data.split('/')[1]));
  }
});

test('a folder that its owner may not write is refused', async (t) => {
  const data = path.join(freshFolder(t), 'data');
  fs.mkdirSync(data, { mode: 0o555 });
  fs.chmodSync(data, 0o555);
  // Root may write everywhere; without its capabilities it may not.
  const wrapper = process.getuid() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];
  await expectRefused(t, { data, wrapper }, 3, /data/);
});

function damage(file, change) {
  const bytes = fs.readFileSync(file);
  fs.writeFileSync(file, change(bytes) ?? bytes);
}

test('a corrupt database is refused, and nothing of it is changed', async (t) => {
  const world = await World.start(t);
  await world.device();
  await world.cyand.stop();
  const { data } = world.cyand;
  const file = path.join(data, 'cyan.db');
  const whole = fs.readFileSync(file);
  const damages = {
    'no database': () => Buffer.from('this is no database at all, but long enough to look at'),
    'a wrong header': (bytes) => void bytes.fill(0, 0, 100),
    'a cut file': (bytes) => bytes.subarray(0, 4096 + 512),
    'a page of noise': (bytes) => void bytes.fill(0xa5, 4096, 8192),
    'all zeroes behind the header': (bytes) => void bytes.fill(0, 100),
  };
  for (const [what, change] of Object.entries(damages)) {
    fs.writeFileSync(file, whole);
    for (const extra of ['-wal', '-shm']) {
      fs.rmSync(file + extra, { force: true });
    }
    damage(file, change);
    const before = fs.readFileSync(file);
    const program = Cyand.spawn(t, { data });
    const ended = await program.end();
    assert.deepEqual(ended, { code: 3, signal: null }, `${what}: ${program.stderr()}`);
    assert.match(program.stderr(), /\n {2}try: /, what);
    assert.deepEqual(fs.readFileSync(file), before, `${what}: the file was changed`);
  }
  fs.writeFileSync(file, whole);
  await Cyand.start(t, { data });
});

test('a server key that is missing, unreadable or another one is refused beside known devices', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await world.cyand.stop();
  const { data } = world.cyand;
  const file = path.join(data, 'server.key');
  const whole = fs.readFileSync(file);
  const other = await Cyand.start(t);
  await other.stop();
  const changes = {
    missing: () => fs.rmSync(file),
    empty: () => fs.writeFileSync(file, ''),
    cut: () => fs.writeFileSync(file, whole.subarray(0, whole.length / 2)),
    damaged: () => damage(file, (bytes) => void (bytes[400] ^= 1)),
    'another one': () => fs.copyFileSync(path.join(other.data, 'server.key'), file),
    'of another kind': () => {
      fs.writeFileSync(file, newKey(1024).export({ type: 'pkcs8', format: 'pem' }));
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    fs.writeFileSync(file, whole, { mode: 0o600 });
    change();
    const before = fs.existsSync(file) ? fs.readFileSync(file) : null;
    const program = Cyand.spawn(t, { data });
    const ended = await program.end();
    assert.deepEqual(ended, { code: 3, signal: null }, `${what}: ${program.stderr()}`);
    assert.match(program.stderr(), /server\.key/, what);
    assert.match(program.stderr(), /\n {2}try: /, what);
    const after = fs.existsSync(file) ? fs.readFileSync(file) : null;
    assert.deepEqual(after, before, `${what}: the key was touched`);
  }
  fs.writeFileSync(file, whole);
  const again = await Cyand.start(t, { data, device: world.cyand.device });
  assert.deepEqual(await again.serverKey(), world.serverKey);
  await device.goOnline();
});

test('a fresh folder with a key of its own is taken with that key', async (t) => {
  const first = await Cyand.start(t);
  const key = await first.serverKey();
  await first.stop();
  const data = path.join(freshFolder(t), 'data');
  fs.mkdirSync(data, { mode: 0o700 });
  fs.copyFileSync(path.join(first.data, 'server.key'), path.join(data, 'server.key'));
  const second = await Cyand.start(t, { data });
  assert.deepEqual(await second.serverKey(), key);
});

test('a full disk refuses what it cannot keep, with words, and loses nothing', async (t) => {
  // No file may grow beyond this many KiB: what a full disk does to a database.
  const limited = ['bash', '-c', 'trap "" XFSZ; ulimit -f 600; exec "$@"', 'limited'];
  const world = await World.start(t, { wrapper: limited });
  const token = await world.cyand.token();
  const device = await world.device();
  await device.goOnline();
  const pem = publicPem(newKey(1024));
  const kept = [device.id];
  let refused = null;
  for (let number = 1; number < 5000 && !refused; number++) {
    const answer = await world.cyand.provision(hexId(number), pem, token);
    if (answer.status < 300) {
      kept.push(hexId(number));
    } else {
      refused = answer;
    }
  }
  assert.ok(refused, 'the disk never became full');
  assert.deepEqual([refused.status, refused.json.code], [503, 'STORE_FAILED']);
  await device.settled(); // the session lives on
  await device.goOnline(); // and the trusted key comes in again
  assert.equal(await isFull(device), true);
  assert.equal((await world.cyand.request('GET', '/healthz')).status, 200);

  world.cyand.options.wrapper = [];
  await world.cyand.restart();
  const list = (await world.cyand.get('/v1/devices', token)).json.map((known) => known.id);
  assert.deepEqual(kept.filter((id) => !list.includes(id)), []);
  assert.ok((await world.cyand.provision('f'.repeat(24), pem, token)).status < 300);
});

test('SIGTERM ends cyand with 0 while devices, streams and half requests are open', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const silent = await world.device({ known: false, key: null });
  await silent.connect();
  await world.cyand.stream('/v1/devices/events');
  const [host, port] = splitAddress(world.cyand.http);
  const half = net.connect({ host, port });
  half.on('error', () => {});
  atEnd(t, () => half.destroy());
  await new Promise((resolve) => {
    half.write('POST /v1/devices/events HTTP/1.1\r\nHost: x\r\n', resolve);
  });
  const token = await world.cyand.token();
  const waiting = world.cyand.request('GET', `/v1/devices/${device.id}`, { token }).catch(() => null);
  assert.deepEqual(await world.cyand.stop(), { code: 0, signal: null });
  await device.untilClosed();
  await waiting;
});

test('a command line that cannot be read is exit 2 with words', async (t) => {
  const bad = [['--nonsense'], ['--data'], ['--http', 'x'], ['--http', '127.0.0.1:70000'], ['--log', 'xml'], ['word']];
  for (const args of bad) {
    const program = Cyand.spawn(t, { data: path.join(freshFolder(t), 'data'), args });
    assert.equal((await program.end()).code, 2, args.join(' '));
    assert.match(program.stderr(), /^cyand: /);
  }
});
