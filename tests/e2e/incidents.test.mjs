// incidents.test.mjs - handshakes that fail are seen: when, by whom, and what to do about them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';

import { REQUEST_LEN } from './lib/handshake.mjs';
import { SECOND, eventually } from './lib/time.mjs';
import { World } from './lib/world.mjs';

const WINDOW = 10 * SECOND;

async function incidents(world, query = '', token = undefined) {
  const answer = await world.cyand.get(`/v1/incidents${query}`, token);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.incidents;
}

async function dropTheAnswer(device) {
  assert.equal(await device.handshake(), true);
  device.socket.end();
  await device.untilClosed();
}

// A device that proved its key once, and has gone: before that an upload is all that is known.
async function goneDevice(world) {
  const device = await world.device();
  await device.goOnline();
  device.socket.destroy();
  await world.cyand.untilOnline(device.id, false);
  return device;
}

async function sendJunk(device) {
  await device.connect();
  await device.receiveNonce();
  await device.write(randomBytes(REQUEST_LEN));
  await device.untilClosed();
}

test('what does not decipher is told nowhere for ten seconds, and then to its candidates', async (t) => {
  const world = await World.start(t, { args: ['--signup', '--log', 'json'] });
  const bea = await world.cyand.signUp('bea@example.org');
  const device = await goneDevice(world);
  const stream = await world.cyand.stream('/v1/devices/events');
  const logged = () => world.cyand.program.err.items.filter((line) => line.includes('not-decipherable'));
  const told = () => stream.events.items.filter(({ name }) => name === 'cyan/handshake/failed');
  const start = process.hrtime.bigint();
  for (let i = 0; i < 3; i++) {
    await sendJunk(device);
  }
  const sent = process.hrtime.bigint();
  const [seen] = await eventually(async () => {
    const list = await incidents(world);
    const ms = Number(process.hrtime.bigint() - start) / 1e6;
    if (ms < WINDOW) {
      assert.deepEqual([list, logged(), told()], [[], [], []]);
    }
    return list.length > 0 && list[0].count === 3 ? list : null;
  }, { ms: 4 * WINDOW, what: 'the incident' });
  assert.ok(Number(process.hrtime.bigint() - sent) / 1e6 >= WINDOW - 100);
  assert.deepEqual(
    [seen.cause, seen.stage, seen.device, seen.candidates, seen.address, seen.proven],
    ['not-decipherable', 'request', null, [device.id], '127.0.0.1', false],
  );
  assert.equal(seen.command, 'cyan keys server');
  const event = await stream.next(({ name }) => name === 'cyan/handshake/failed');
  const data = JSON.parse(event.data);
  assert.deepEqual([event.coreid, data.device, data.cause], [device.id, device.id, 'not-decipherable']);
  assert.deepEqual(await incidents(world, '', bea), []);
  const story = (await world.cyand.get(`/v1/devices/${device.id}/diagnosis`)).json;
  assert.match(story.headline, /^offline, and something at its address fails/);
  assert.match(story.led, /red flash/);
  assert.deepEqual(story.incidents.map(({ cause }) => cause), ['not-decipherable']);
});

test('a device that cannot use our answer is told at once, counted, and known by its orange flash', async (t) => {
  const world = await World.start(t, { args: ['--signup'] });
  const bea = await world.cyand.signUp('bea@example.org');
  const device = await goneDevice(world);
  const stream = await world.cyand.stream('/v1/devices/events');
  await dropTheAnswer(device);
  const event = await stream.next(({ name }) => name === 'cyan/handshake/failed', { ms: 5 * SECOND });
  assert.equal(JSON.parse(event.data).cause, 'dropped-our-key');
  const [first] = await incidents(world, `?device=${device.id}`);
  assert.deepEqual([first.cause, first.device, first.count], ['dropped-our-key', device.id, 1]);
  assert.equal(first.presented, first.trusted);
  assert.match(first.advice, new RegExp(`^Somebody who says it is ${device.id} `));
  await dropTheAnswer(device);
  const [second] = await eventually(async () => {
    const changed = await incidents(world, `?after=${first.seq}`);
    return changed.length > 0 ? changed : null;
  });
  assert.deepEqual([second.id, second.count], [first.id, 2]);
  assert.ok(second.seq > first.seq);
  const story = (await world.cyand.get(`/v1/devices/${device.id}/diagnosis`)).json;
  assert.match(story.led, /orange/);
  assert.equal(story.command, 'cyan keys new');
  assert.deepEqual(await incidents(world, `?device=${device.id}`, bea), []);
  assert.equal((await world.cyand.get(`/v1/devices/${device.id}/diagnosis`, bea)).status, 403);
  await world.cyand.restart();
  const [kept] = await incidents(world);
  assert.deepEqual(kept, second);
});

test('an event that was heard just before kill -9 comes again, with the same number', async (t) => {
  const world = await World.start(t);
  const device = await goneDevice(world);
  const before = await world.cyand.stream('/v1/devices/events');
  await dropTheAnswer(device);
  const heard = await before.next(({ name }) => name === 'cyan/handshake/failed');
  await world.cyand.restart('SIGKILL');
  const after = await world.cyand.stream('/v1/devices/events');
  const again = await after.next(({ name }) => name === 'cyan/handshake/failed', { ms: 5 * SECOND });
  assert.equal(again.data, heard.data);
  assert.equal(again.published_at, heard.published_at);
});

test('the audit is empty at first, and its head is zeroes', async (t) => {
  const world = await World.start(t);
  const audit = (await world.cyand.get('/v1/audit')).json;
  assert.deepEqual(audit, { head: '0'.repeat(64), head_seq: 0, rows: [] });
});
