// serverkey.test.mjs - the server's own keys: rotated, backed up, restored, and taken over from
// another server, with the real programs.
import assert from 'node:assert/strict';
import { createDecipheriv, scryptSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Cyand, PASSWORD, USER } from './lib/cyand.mjs';
import { RawDevice, publicPem } from './lib/device.mjs';
import { freshFolder, run } from './lib/program.mjs';
import { newKey, spkiOf } from './lib/rsa.mjs';
import { World } from './lib/world.mjs';

const ENV = { CYAN_USER: USER, CYAN_PASSWORD: PASSWORD };
const PHRASE = 'correct horse battery';

function cyand(t, ...args) {
  return run(t, 'cyand', args, { env: ENV });
}

async function mustRun(t, ...args) {
  const done = await cyand(t, ...args);
  assert.equal(done.code, 0, `cyand ${args.join(' ')}\n${done.stdout}\n${done.stderr}`);
  return done;
}

function assertRefused(done, code, words) {
  assert.equal(done.code, code, `${done.stdout}\n${done.stderr}`);
  assert.match(done.stderr, words);
  assert.match(done.stderr, /\n {2}try: /);
}

function spkiOfFile(file) {
  return spkiOf(fs.readFileSync(file));
}

function phraseFile(t) {
  const file = path.join(freshFolder(t), 'phrase');
  fs.writeFileSync(file, `${PHRASE}\n`);
  return file;
}

function makeBackup(t, data, out, phrase) {
  return mustRun(t, 'backup', '--data', data, '--out', out, '--passphrase-file', phrase);
}

test('a rotation needs a stopped cyand, serves the new key and keeps the old one', async (t) => {
  const world = await World.start(t);
  const { data } = world.cyand;
  const device = await world.device();
  await device.goOnline();
  assertRefused(await cyand(t, 'rotate', '--data', data), 3, /in use by another cyand/);
  await world.cyand.stop();
  const done = await mustRun(t, 'rotate', '--data', data);
  assert.match(done.stdout, /USB only/);
  assert.match(done.stdout, /cannot\nbe withdrawn/);
  assert.deepEqual(spkiOfFile(path.join(data, 'server-prev.key')), world.serverKey);
  assert.equal(fs.statSync(path.join(data, 'server-prev.key')).mode & 0o777, 0o600);
  await world.cyand.begin(world.cyand.http, world.cyand.device);
  const now = await world.cyand.serverKey();
  assert.notDeepEqual(now, world.serverKey);
  assert.deepEqual(spkiOfFile(path.join(data, 'server.key')), now);
  const moved = new RawDevice(t, { address: world.cyand.device, serverKey: now, id: device.id, key: device.key });
  await moved.goOnline();
});

test('a previous key that devices used last is given up by force only', async (t) => {
  const world = await World.start(t);
  const { data } = world.cyand;
  const device = await world.device();
  await device.goOnline();
  await world.cyand.stop();
  const finish = ['rotate', '--finish', '--data', data];
  assertRefused(await cyand(t, ...finish), 1, /no previous server key/);
  await mustRun(t, 'rotate', '--data', data);
  assertRefused(await cyand(t, 'rotate', '--data', data), 1, /a previous server key already/);
  assertRefused(await cyand(t, ...finish), 1, /1 device used the previous server key last/);
  assert.ok(fs.existsSync(path.join(data, 'server-prev.key')));
  const done = await mustRun(t, ...finish, '--force');
  assert.match(done.stdout, /1 device used it last.*USB\s+only/);
  assert.equal(fs.existsSync(path.join(data, 'server-prev.key')), false);
  await world.cyand.begin(world.cyand.http, world.cyand.device);
  assert.notDeepEqual(await world.cyand.serverKey(), world.serverKey);
});

test('cyand refuses a folder whose previous key is lost, and starts when it is back', async (t) => {
  const first = await Cyand.start(t);
  const { data } = first;
  await first.stop();
  await mustRun(t, 'rotate', '--data', data);
  const file = path.join(data, 'server-prev.key');
  fs.renameSync(file, `${file}.away`);
  const program = Cyand.spawn(t, { data });
  assert.deepEqual(await program.end(), { code: 3, signal: null });
  assert.match(program.stderr(), /server-prev\.key is missing/);
  fs.renameSync(`${file}.away`, file);
  await first.begin(first.http, first.device);
});

// Devices are provisioned without end; what was acknowledged before a backup began is in it.
async function provisionDuring(world, work) {
  const pem = publicPem(newKey(1024));
  const acknowledged = [];
  let number = 0;
  let stop = false;
  const load = async () => {
    while (!stop) {
      const id = (++number).toString(16).padStart(24, '0');
      const answer = await world.cyand.provision(id, pem);
      assert.equal(answer.status < 300, true, answer.text);
      acknowledged.push(id);
    }
  };
  const loads = [load(), load(), load()];
  while (acknowledged.length < 30) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  try {
    return await work(acknowledged);
  } finally {
    stop = true;
    await Promise.all(loads);
  }
}

test('a backup of a running cyand under load is restored with all that was acknowledged', async (t) => {
  const world = await World.start(t);
  const folder = freshFolder(t);
  const phrase = phraseFile(t);
  const out = path.join(folder, 'backup');
  const back = path.join(folder, 'back');
  const device = await world.device();
  await device.goOnline();
  const before = await provisionDuring(world, async (acknowledged) => {
    const sure = [...acknowledged];
    await makeBackup(t, world.cyand.data, out, phrase);
    return sure;
  });
  await device.settled(); // it was never disturbed
  assert.deepEqual(fs.readdirSync(world.cyand.data).filter((name) => name.startsWith('backup')), []);
  assert.equal(fs.statSync(out).mode & 0o777, 0o600);
  await mustRun(t, 'restore', '--data', back, '--in', out, '--passphrase-file', phrase);
  await world.cyand.stop();
  const again = await Cyand.start(t, { data: back });
  assert.deepEqual(await again.serverKey(), world.serverKey);
  const listed = new Set((await again.get('/v1/devices')).json.map((one) => one.id));
  assert.deepEqual(before.filter((id) => !listed.has(id)), []);
  device.address = again.device;
  await device.goOnline();
  await again.untilOnline(device.id);
});

test('a backup opens with the passphrase and the specification alone', async (t) => {
  const world = await World.start(t);
  const { data } = world.cyand;
  await world.cyand.stop();
  await mustRun(t, 'rotate', '--data', data);
  const out = path.join(freshFolder(t), 'backup');
  await makeBackup(t, data, out, phraseFile(t));
  const file = fs.readFileSync(out);
  const header = file.subarray(0, 48);
  assert.equal(header.subarray(0, 8).toString(), 'cyanback');
  assert.equal(header.readUInt16BE(8), 1);
  const [log2n, r, p] = header.subarray(10, 13);
  assert.ok(log2n >= 15);
  const options = { N: 2 ** log2n, r, p, maxmem: 512 * 1024 * 1024 };
  const key = scryptSync(PHRASE, header.subarray(16, 48), 32, options);
  const plain = [];
  for (let at = 48, number = 0; at < file.length; at += 65552, number++) {
    const chunk = file.subarray(at, at + 65552);
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(number, 7);
    nonce[11] = at + 65552 >= file.length ? 1 : 0;
    const cipher = createDecipheriv('aes-256-gcm', key, nonce);
    cipher.setAAD(header);
    cipher.setAuthTag(chunk.subarray(-16));
    plain.push(cipher.update(chunk.subarray(0, -16)), cipher.final());
  }
  const stream = Buffer.concat(plain);
  const entries = [];
  let at = 0;
  for (let kind = -1; kind !== 0; ) {
    kind = stream[at];
    const length = Number(stream.readBigUInt64BE(at + 1));
    entries.push([kind, stream.subarray(at + 9, at + 9 + length)]);
    at += 9 + length;
  }
  assert.equal(at, stream.length);
  assert.deepEqual(entries.map(([kind]) => kind), [1, 2, 3, 0]);
  assert.deepEqual(entries[0][1], fs.readFileSync(path.join(data, 'server.key')));
  assert.deepEqual(entries[1][1], fs.readFileSync(path.join(data, 'server-prev.key')));
  assert.equal(entries[2][1].subarray(0, 15).toString(), 'SQLite format 3');
});

test('a wrong passphrase, a damaged backup and a folder in use restore nothing', async (t) => {
  const world = await World.start(t);
  const folder = freshFolder(t);
  const phrase = phraseFile(t);
  const out = path.join(folder, 'backup');
  const back = path.join(folder, 'back');
  await makeBackup(t, world.cyand.data, out, phrase);
  const wrong = path.join(folder, 'wrong');
  fs.writeFileSync(wrong, 'another passphrase\n');
  const restore = (data, file, secret) =>
    cyand(t, 'restore', '--data', data, '--in', file, '--passphrase-file', secret);
  assertRefused(await restore(back, out, wrong), 1, /passphrase is wrong, or the file is damaged/);
  const bytes = fs.readFileSync(out);
  bytes[bytes.length >> 1] ^= 1;
  fs.writeFileSync(path.join(folder, 'damaged'), bytes);
  assertRefused(await restore(back, path.join(folder, 'damaged'), phrase), 1, /passphrase is wrong/);
  assertRefused(await restore(world.cyand.data, out, phrase), 3, /is not empty/);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['backup', 'damaged', 'wrong']);
  assertRefused(await cyand(t, 'backup', '--data', world.cyand.data, '--out', out), 2, /no terminal/);
});

// A device that another server knows, and what that server has of it.
function makeFleet(count) {
  return Array.from({ length: count }, (_, i) => ({
    id: (0xabc000 + i).toString(16).padStart(24, '5'),
    key: newKey(1024),
  }));
}

function makeOldServer(t) {
  const folder = freshFolder(t);
  const key = newKey(2048);
  const file = path.join(folder, 'default_key.pem');
  fs.writeFileSync(file, key.export({ format: 'pem', type: 'pkcs1' }));
  return { folder, file, spki: spkiOf(key) };
}

async function assertAllOnline(t, data, old, fleet) {
  const server = await Cyand.start(t, { data });
  assert.deepEqual(await server.serverKey(), old.spki);
  for (const { id, key } of fleet) {
    const device = new RawDevice(t, { address: server.device, serverKey: old.spki, id, key });
    await device.goOnline();
    await server.untilOnline(id);
  }
  return server;
}

test('the folder of a spark-server moves and its devices come in untouched', async (t) => {
  const old = makeOldServer(t);
  const fleet = makeFleet(3);
  const keys = path.join(old.folder, 'core_keys');
  const data = path.join(old.folder, 'data');
  fs.mkdirSync(keys);
  for (const { id, key } of fleet) {
    fs.writeFileSync(path.join(keys, `${id}.pub.pem`), publicPem(key));
    fs.writeFileSync(path.join(keys, `${id}.json`), JSON.stringify({ coreID: id }));
  }
  const words = ['import', '--data', data, '--server-key', old.file, '--device-keys', keys];
  assert.match((await mustRun(t, ...words)).stdout, /3 taken over/);
  const server = await assertAllOnline(t, data, old, fleet);
  assertRefused(await cyand(t, ...words), 3, /in use by another cyand/);
  await server.stop();
  assert.match((await mustRun(t, ...words)).stdout, /0 taken over, 3 known already/);
  // Those it brought know the imported key: giving that up would lose them.
  await mustRun(t, 'rotate', '--data', data);
  assertRefused(await cyand(t, 'rotate', '--finish', '--data', data), 1, /3 devices used the previous/);
});

test("Brewskey's deviceKeys.db moves, in its last state, and bad lines are named", async (t) => {
  const old = makeOldServer(t);
  const fleet = makeFleet(3);
  const [first, second, gone] = fleet;
  const data = path.join(old.folder, 'data');
  const file = path.join(old.folder, 'deviceKeys.db');
  const row = ({ id, key }, more) =>
    JSON.stringify({ algorithm: 'rsa', deviceID: id, key: publicPem(key), _id: id, ...more });
  const lines = [
    '{"$$indexCreated":{"fieldName":"deviceID","unique":false,"sparse":false}}',
    row(first, { key: publicPem(newKey(1024)) }),
    row(gone),
    row(second),
    row(first),
    JSON.stringify({ $$deleted: true, _id: gone.id }),
    row(gone, { _id: 'damaged', key: 'nonsense' }),
  ];
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  const words = ['import', '--data', data, '--server-key', old.file, '--device-keys', file];
  const done = await cyand(t, ...words);
  assertRefused(done, 1, /deviceKeys\.db: line 7: its key cannot be used/);
  assert.match(done.stdout, /2 taken over, 0 known already and left alone, 1 not usable/);
  const server = await assertAllOnline(t, data, old, [first, second]);
  const listed = (await server.get('/v1/devices')).json.map(({ id }) => id);
  assert.deepEqual(listed.sort(), [first.id, second.id].sort());
});

test('every command says what it does, and cyand names them all', async (t) => {
  const { stdout } = await mustRun(t, '--help');
  for (const name of ['rotate', 'backup', 'restore', 'import']) {
    assert.match(stdout, new RegExp(`cyand ${name} `));
    assert.match((await mustRun(t, name, '--help')).stdout, new RegExp(`usage: cyand ${name} `));
    assertRefused(await cyand(t, name, '--nonsense'), 2, /--nonsense is no option/);
  }
});
