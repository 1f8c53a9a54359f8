// cli.test.mjs - the command line against the real cloud: what it prints, keeps, and ends with.
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Cli } from './lib/cli.mjs';
import { PASSWORD, USER } from './lib/cyand.mjs';
import { Photon } from './lib/photon.mjs';
import { freshFolder, start } from './lib/program.mjs';
import { fixedForm, newKey, spkiOf } from './lib/rsa.mjs';
import { World } from './lib/world.mjs';

function failed(done, code) {
  assert.equal(done.code, code, `${done.stdout}\n${done.stderr}`);
  assert.match(done.stderr, /^cyan: /m);
}

test('log in, be somebody, log out', async (t) => {
  const world = await World.start(t);
  const cli = await world.cli({ login: false });
  failed(await cli.run('whoami'), 3);
  failed(await cli.run('list'), 3);

  const file = path.join(freshFolder(t), 'password');
  fs.writeFileSync(file, `${PASSWORD}\n`);
  const data = await cli.data('login', '--user', USER, '--password-file', file);
  assert.equal(data.user, USER);
  const profile = path.join(cli.home, 'cyan', 'default.json');
  assert.equal(fs.statSync(profile).mode & 0o777, 0o600);
  const kept = JSON.parse(fs.readFileSync(profile, 'utf8'));
  assert.equal(kept.api, `http://${world.cyand.http}`);
  delete cli.env.CYAN_API; // the profile knows it now
  assert.equal((await cli.data('whoami')).user, USER);
  assert.equal((await world.cyand.get('/v1/user', kept.token)).status, 200);

  assert.equal((await cli.run('logout')).code, 0);
  assert.equal((await world.cyand.get('/v1/user', kept.token)).status, 401);
  cli.env.CYAN_API = `http://${world.cyand.http}`;
  failed(await cli.run('whoami'), 3);
});

test('the password may come on stdin, and a wrong one is exit 3 without a trace of it', async (t) => {
  const world = await World.start(t);
  const cli = await world.cli({ login: false });
  const wrong = await cli.run('login', '--user', USER, '--password-file', '-', { input: 'not this one\n' });
  failed(wrong, 3);
  assert.equal(wrong.stderr.includes('not this one'), false);
  const right = await cli.run('login', '--user', USER, '--password-file', '-', '--json', { input: PASSWORD });
  assert.equal(right.code, 0, right.stderr);
  assert.match(right.json.data.token, /^[0-9a-f]{40,}$/);
  // Nothing prompts without a terminal.
  assert.equal((await cli.run('login')).code, 2);
});

test('exit codes tell what went wrong', async (t) => {
  const world = await World.start(t, { args: ['--signup'] });
  const device = await world.device();
  device.app = { functions: { there: () => 1 } };
  await device.goOnline();
  const cli = await world.cli();
  const bea = new Cli(t, { api: world.cyand.http, token: await world.cyand.signUp('bea@example.org') });
  failed(await cli.run('get', '0'.repeat(24), 'x'), 4);
  failed(await cli.run('get', device.id, 'nothing'), 4);
  failed(await cli.run('call', device.id, 'nothing'), 4);
  failed(await bea.run('call', device.id, 'there'), 5);
  failed(await new Cli(t, { api: world.cyand.http, token: 'ab'.repeat(20) }).run('list'), 3);
  failed(await cli.run('publish', 'cyan/forged', 'x'), 5);
  for (const words of [['frobnicate'], ['lits'], ['get'], ['call', device.id], ['list', 'x', 'y'], ['list', '--nonsense'], ['publish'], ['keys'], ['keys', 'nothing']]) {
    const done = await cli.run(...words);
    assert.equal(done.code, 2, `cyan ${words.join(' ')}: ${done.code}`);
  }
  device.close();
  await world.cyand.untilOnline(device.id, false);
  failed(await cli.run('call', device.id, 'there'), 6);
  await world.cyand.stop();
  failed(await cli.run('list'), 7);
  const json = await cli.run('list', '--json');
  assert.equal(json.code, 7);
  assert.equal(json.json.ok, false);
  assert.equal(typeof json.json.error.code, 'string');
  assert.equal(typeof json.json.error.message, 'string');
});

test('--json is one document and nothing else on stdout, also when the command fails', async (t) => {
  const world = await World.start(t);
  const cli = await world.cli();
  const lines = async (...words) => (await cli.run(...words, '--json')).stdout.trim().split('\n');
  for (const words of [['list'], ['whoami'], ['get', 'nobody', 'x'], ['publish', 'x', 'y'], ['frobnicate']]) {
    const out = await lines(...words);
    assert.equal(out.length, 1, words.join(' '));
    assert.equal(typeof JSON.parse(out[0]).ok, 'boolean');
  }
});

test('subscribe prints one object a line, counts, and comes back when the stream drops', async (t) => {
  const world = await World.start(t);
  const cli = await world.cli();
  const device = await world.device();
  await device.goOnline();
  const args = ['subscribe', 'x/', '--count', '3', '--timeout', '60', '--json'];
  const program = start(t, 'cyan', args, { env: cli.env });
  await program.err.find((line) => /open|listen/i.test(line), { what: 'the word that it is open' });
  await device.publish('other/0', 'no');
  await device.publish('x/1', 'one');
  const first = JSON.parse(await program.out.find(() => true));
  assert.deepEqual([first.name, first.data, first.coreid], ['x/1', 'one', device.id]);
  assert.deepEqual(Object.keys(first).sort(), ['coreid', 'data', 'name', 'published_at', 'ttl']);
  const mark = program.err.mark;
  await world.cyand.restart();
  await program.err.find((line) => /open|listen/i.test(line), { from: mark, what: 'it open again' });
  await device.goOnline();
  await device.publish('x/2', 'two');
  await device.publish('x/3', 'three');
  assert.deepEqual(await program.end(), { code: 0, signal: null });
  assert.deepEqual(program.out.items.map((line) => JSON.parse(line).data), ['one', 'two', 'three']);

  const none = await cli.run('subscribe', 'nothing/', '--timeout', '1');
  assert.equal(none.code, 6);
});

test('keys new makes the fixed-width form of a sound key, for its owner alone', async (t) => {
  const cli = new Cli(t);
  const folder = freshFolder(t);
  const name = path.join(folder, 'device');
  assert.equal((await cli.run('keys', 'new', name)).code, 0);
  const der = fs.readFileSync(`${name}.der`);
  assert.equal(fs.statSync(`${name}.der`).mode & 0o777, 0o600);
  assert.equal(der.length, 611);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs1' });
  assert.deepEqual(fixedForm(key), der);
  const pem = fs.readFileSync(`${name}.pub.pem`);
  assert.deepEqual(spkiOf(key), createPublicKey(pem).export({ format: 'der', type: 'spki' }));
  failed(await cli.run('keys', 'new', name), 5);
  assert.deepEqual(fs.readFileSync(`${name}.der`), der);
  assert.equal((await cli.run('keys', 'new', name, '--force')).code, 0);
  assert.notDeepEqual(fs.readFileSync(`${name}.der`), der);
});

test('keys send takes a key file of any common form, and another key is refused', async (t) => {
  const world = await World.start(t, { args: ['--signup'] });
  const cli = await world.cli();
  const folder = freshFolder(t);
  const key = newKey(1024);
  const forms = {
    'pkcs1.der': key.export({ type: 'pkcs1', format: 'der' }),
    'pkcs1.pem': key.export({ type: 'pkcs1', format: 'pem' }),
    'pkcs8.der': key.export({ type: 'pkcs8', format: 'der' }),
    'pkcs8.pem': key.export({ type: 'pkcs8', format: 'pem' }),
    'fixed.der': fixedForm(key),
    'public.der': spkiOf(key),
    'public.pem': createPublicKey(key).export({ type: 'spki', format: 'pem' }),
  };
  let number = 0;
  for (const [name, bytes] of Object.entries(forms)) {
    const file = path.join(folder, name);
    fs.writeFileSync(file, bytes);
    const id = (++number).toString(16).padStart(24, 'a');
    await cli.data('keys', 'send', id, file);
    const device = await world.device({ known: false, id, key });
    await device.goOnline();
    device.close();
  }
  const large = path.join(folder, 'large.pem');
  fs.writeFileSync(large, newKey(2048).export({ type: 'pkcs8', format: 'pem' }));
  assert.notEqual((await cli.run('keys', 'send', 'a'.repeat(24), large)).code, 0);
  const taken = 'b'.repeat(24);
  await cli.data('keys', 'send', taken, path.join(folder, 'public.pem'));
  const proven = await world.device({ known: false, id: taken, key });
  await proven.goOnline(); // before that an upload binds nobody else
  const bea = new Cli(t, { api: world.cyand.http, token: await world.cyand.signUp('bea@example.org') });
  failed(await bea.run('keys', 'send', taken, path.join(folder, 'public.pem')), 5);
});

test('a Photon that runs is not touched, and one that was is written with a backup', async (t) => {
  const world = await World.start(t);
  const cli = await world.cli();
  const photon = await world.photon({ impl: 'b' });
  assert.equal((await cli.data('keys', 'address', '--state', photon.state)).address, world.cyand.device);
  photon.start();
  await photon.untilConnected();
  for (const words of [['keys', 'new'], ['keys', 'server'], ['keys', 'address', '127.0.0.1:1']]) {
    const args = words.length === 3 ? [...words.slice(0, 2), '--state', photon.state, words[2]] : [...words, '--state', photon.state];
    failed(await cli.run(...args), 5);
  }
  await photon.stop();
  const before = fs.readdirSync(photon.state);
  assert.equal((await cli.run('keys', 'new', '--state', photon.state)).code, 0);
  const backups = fs.readdirSync(photon.state).filter((name) => !before.includes(name));
  assert.equal(backups.length, 1, backups.join(' '));
  assert.match(backups[0], /^backup-.*\.bin$/);
  assert.equal(fs.statSync(path.join(photon.state, backups[0])).mode & 0o777, 0o600);
});

test('the blob of keys server is what tools write at 2082', async (t) => {
  const world = await World.start(t);
  const cli = await world.cli();
  const out = path.join(freshFolder(t), 'server.bin');
  await cli.data('keys', 'server', '--out', out, '--host', '192.168.1.10', '--port', '5683');
  const blob = fs.readFileSync(out);
  assert.equal(blob.length, 512);
  assert.deepEqual(blob.subarray(0, 294), world.serverKey);
  assert.equal(blob.subarray(294, 384).every((byte) => byte === 0xff), true);
  assert.equal(blob.subarray(384, 390).toString('hex'), '0004c0a8010a');
  assert.equal(blob.readUInt16BE(450), 5683);
});

test('keys address says where a blank Photon would dial', async (t) => {
  const cli = new Cli(t);
  const photon = await Photon.init(t);
  const shown = await cli.run('keys', 'address', '--state', photon.state);
  assert.match(shown.stdout, /none: firmware dials device\.spark\.io:5683/);
});
