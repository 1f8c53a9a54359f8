// photon.test.mjs - the virtual Photon as a program: its state, its options, its flash.
import assert from 'node:assert/strict';
import { createHash, createPublicKey } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Photon } from './lib/photon.mjs';
import { freshFolder, run } from './lib/program.mjs';
import { firmwareWalk, privateKeyFrom, spkiOf } from './lib/rsa.mjs';
import { World } from './lib/world.mjs';

const FLASH_SIZE = 0x100000;
const SECTORS = [0x4000, 0x8000];
const SECTION = 7548;
const DEVICE_KEY = 34;
const SERVER_KEY = 2082;
const ADDRESS = 2466;

// The application section of the current copy, found as the firmware's layout says.
function section(photon) {
  const flash = fs.readFileSync(path.join(photon.state, 'flash.bin'));
  assert.equal(flash.length, FLASH_SIZE);
  const magic = (at) => flash.readUInt32LE(at + 12) === 0x4d435242;
  const found = SECTORS.filter((at) => magic(at) && flash[at + 9] !== 0 && flash[at + 9] !== 0xff);
  assert.equal(found.length, 1, 'one current copy of the settings');
  return flash.subarray(found[0] + SECTION, found[0] + SECTION + 8391);
}

test('--init makes an id and a key at their real places, once', async (t) => {
  const photon = await Photon.init(t, { server: '127.0.0.1:5683' });
  assert.match(photon.id, /^[0-9a-f]{24}$/);
  const settings = section(photon);
  const der = settings.subarray(DEVICE_KEY, DEVICE_KEY + 611);
  const key = privateKeyFrom(der);
  const walk = firmwareWalk(settings.subarray(DEVICE_KEY, DEVICE_KEY + 612));
  assert.deepEqual(walk.n, spkiOf(key).subarray(29, 157));
  assert.equal(settings.subarray(SERVER_KEY, SERVER_KEY + 294).every((byte) => byte === 0xff), true);
  assert.equal(settings.subarray(ADDRESS, ADDRESS + 6).toString('hex'), '00047f000001');
  assert.equal(settings.readUInt16BE(ADDRESS + 66), 5683);

  const before = fs.readFileSync(path.join(photon.state, 'flash.bin'));
  const again = await run(t, 'cyan-photon', ['--state', photon.state, '--init']);
  assert.equal(again.code, 1);
  assert.deepEqual(fs.readFileSync(path.join(photon.state, 'flash.bin')), before);
  for (const name of ['flash.bin', 'photon.json']) {
    const { mode } = fs.statSync(path.join(photon.state, name));
    assert.equal(mode & 0o077, 0, `${name} has the mode ${(mode & 0o777).toString(8)}`);
  }
});

test('what it does not know or have is exit 2 or 1, with words', async (t) => {
  const photon = await Photon.init(t);
  const state = ['--state', photon.state];
  const bad = [
    [], ['--nonsense'], [...state, '--firmware', '0.7.0'], [...state, '--impl', 'c'], [...state, '--impl'],
    [...state, '--server', 'nowhere'], [...state, '--server', 'x:0'], [...state, '--server', 'x:70000'],
    [...state, '--corrupt', 'heart'], [...state, '--corrupt', 'device-key:9999'], [...state, '--corrupt', 'device-key:x'],
    [...state, '--cut-after-flash-ops', '-1'], [...state, 'word'],
  ];
  for (const args of bad) {
    const done = await run(t, 'cyan-photon', args);
    assert.equal(done.code, 2, `${args.join(' ')}: ${done.code} ${done.stderr}`);
    assert.equal(done.stderr.trim().split('\n').length <= 2, true, done.stderr);
  }
  const missing = await run(t, 'cyan-photon', ['--state', path.join(freshFolder(t), 'none')]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /--init/);
});

test('a state that is in use is exit 3', async (t) => {
  const world = await World.start(t);
  const photon = await world.photon({ impl: 'b' });
  photon.start();
  await photon.untilConnected();
  const second = await run(t, 'cyan-photon', ['--state', photon.state, '--json']);
  assert.equal(second.code, 3);
  await photon.stop('SIGKILL');
  photon.start();
  await photon.untilConnected();
});

test('--corrupt flips bit 0 of one byte of the field, or fills the field with FF', async (t) => {
  const world = await World.start(t);
  for (const [args, at, check] of [
    ['server-key:288', SERVER_KEY + 288, (before, after) => before ^ after ^ 1],
    ['device-key:300', DEVICE_KEY + 300, (before, after) => before ^ after ^ 1],
    ['server-key', SERVER_KEY + 200, (before, after) => after ^ 0xff],
    ['server-key:erase', SERVER_KEY, (before, after) => after ^ 0xff],
  ]) {
    const photon = await world.photon({ impl: 'a' });
    const before = Buffer.from(section(photon));
    photon.start('--corrupt', args);
    await photon.untilFailed();
    await photon.stop();
    const after = section(photon);
    assert.equal(check(before[at], after[at]), 0, args);
    const changed = [...before.keys()].filter((i) => before[i] !== after[i]);
    assert.equal(changed.length === 1, /:\d/.test(args), args);
  }
});

test('a cut of power at any flash operation of making a key leaves a state that starts again', async (t) => {
  const world = await World.start(t, { args: ['--unknown', 'refuse'] });
  let cuts = 0;
  for (let ops = 0; ops < 20000; ops = ops < 8 ? ops + 1 : ops * 3) {
    const photon = await world.photon({ impl: 'b' });
    photon.start('--corrupt', 'device-key:erase', '--cut-after-flash-ops', `${ops}`);
    const first = await Promise.race([
      photon.program.ended.then(({ code }) => code),
      photon.untilFailed().then(() => 'alive'),
    ]);
    if (first === 'alive') {
      await photon.stop();
    } else {
      cuts++;
      assert.equal(first, 1);
      assert.equal(photon.lines.items.some((line) => line.ev === 'flash'), true);
    }
    photon.start();
    await Promise.race([photon.untilFailed(), photon.untilConnected()]);
    await photon.stop();
  }
  assert.ok(cuts > 5, `${cuts} cuts`);
});

test('the fingerprint it tells is that of the key in its flash', async (t) => {
  const world = await World.start(t);
  const photon = await world.photon({ impl: 'b' });
  photon.start();
  const line = await photon.line((told) => told.ev === 'key');
  const spki = spkiOf(privateKeyFrom(section(photon).subarray(DEVICE_KEY, DEVICE_KEY + 611)));
  assert.equal(line.fingerprint, createHash('sha256').update(spki).digest('hex'));
  assert.equal(createPublicKey({ key: spki, format: 'der', type: 'spki' }).asymmetricKeyDetails.modulusLength, 1024);
});

test('the back-off is five times one second, counted from the failure', async (t) => {
  const world = await World.start(t, { args: ['--unknown', 'refuse'] });
  const photon = await world.photon({ impl: 'a', send: false });
  photon.start();
  const times = [];
  for (let i = 0, from = 0; i < 4; i++) {
    const failed = await photon.untilFailed({ from });
    times.push(failed.t);
    from = photon.lines.items.indexOf(failed) + 1;
  }
  for (let i = 1; i < times.length; i++) {
    const gap = times[i] - times[i - 1];
    assert.ok(gap >= 995 && gap < 1800, `${gap} ms between two failures`);
  }
});
