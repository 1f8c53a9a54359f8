// custody-crash.test.mjs - a change of keys that was acknowledged outlives kill -9, and its event is
// sent to whoever asks afterwards.
import assert from 'node:assert/strict';
import test from 'node:test';

import { Owner, foundDevice, printOf, sameDevice } from './lib/custody.mjs';
import { newKey } from './lib/rsa.mjs';
import { World } from './lib/world.mjs';

const ROUNDS = 4;
const WORKERS = 3;
const KEYS = 4;

// Uploads and approves the keys of a device in turn until cyand is gone. worker.done: the last change
// that was acknowledged; worker.asked: the one that came after it, if any.
async function work(owner, worker, isOver) {
  while (!isOver()) {
    const key = worker.keys[++worker.turn % KEYS];
    worker.asked = key;
    const uploaded = await owner.upload(worker.id, key).catch(() => null);
    const answer = uploaded && (await owner.order(worker.id, key, 'approve').catch(() => null));
    if (answer?.status !== 200) {
      return;
    }
    worker.done = key;
    worker.asked = null;
    worker.approved.push(printOf(key));
  }
}

// Every event of the streams by its number; one that came twice is the same one.
function eventsBySeq(streams) {
  const found = new Map();
  for (const { events } of streams) {
    for (const { name, data } of events.items.filter((event) => event.name.startsWith('cyan/'))) {
      const { seq } = JSON.parse(data);
      const told = { name, data };
      assert.deepEqual(found.get(seq) ?? told, told, `the event ${seq} was told in two ways`);
      found.set(seq, told);
    }
  }
  return found;
}

test('every acknowledged change of keys is there after kill -9, and every event is told', async (t) => {
  const world = await World.start(t);
  let owner = await Owner.of(world);
  const streams = [owner.stream];
  const workers = [];
  for (let i = 0; i < WORKERS; i++) {
    const { id, key } = await foundDevice(owner);
    const keys = Array.from({ length: KEYS }, () => newKey(1024));
    workers.push({ id, keys, turn: 0, done: key, asked: null, approved: [] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    let killed = false;
    const enough = workers[0].approved.length + 3 + 4 * round;
    const running = workers.map((worker) => work(owner, worker, () => killed));
    while (workers[0].approved.length < enough) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const ended = world.cyand.stop('SIGKILL');
    killed = true;
    await Promise.all([ended, ...running]);
    await world.cyand.begin(world.cyand.http, world.cyand.device);
    owner = await Owner.of(world);
    streams.push(owner.stream);
    for (const worker of workers) {
      const { keys } = await owner.keys(worker.id);
      const trusted = keys.filter((key) => key.state === 'trusted').map((key) => key.fingerprint);
      const wanted = [worker.done, worker.asked].filter(Boolean).map(printOf);
      assert.equal(trusted.length, 1);
      assert.ok(wanted.includes(trusted[0]), `round ${round}: ${trusted} and not one of ${wanted}`);
      if (trusted[0] !== wanted[0]) {
        worker.done = worker.asked;
      }
    }
  }
  await owner.settled();
  const found = eventsBySeq(streams);
  const last = Math.max(...found.keys());
  assert.deepEqual([...found.keys()].sort((a, b) => a - b), Array.from({ length: last }, (_, i) => i + 1));
  for (const { id, approved } of workers) {
    const told = [...found.values()].filter(({ name }) => name === 'cyan/key/approved').map(({ data }) => JSON.parse(data));
    const mine = told.filter(({ device }) => device === id).map((data) => data.new);
    for (const print of new Set(approved)) {
      const times = approved.filter((other) => other === print).length;
      assert.ok(mine.filter((other) => other === print).length >= times, `an approval of ${print} was not told`);
    }
  }
});

test('an event that nobody heard before kill -9 is told to the next stream, and to that one only', async (t) => {
  const world = await World.start(t);
  const first = await Owner.of(world);
  const device = await foundDevice(first);
  const other = await sameDevice(first, device);
  await other.goOnline();
  await first.change(device.id, 'cyan/key/pending');
  first.stream.close();
  const answer = await first.must(device.id, other.key, 'approve');
  assert.equal(answer.state, 'trusted');
  await world.cyand.restart('SIGKILL');
  const second = await Owner.of(world);
  const told = await second.change(device.id, 'cyan/key/approved');
  assert.equal(told.new, printOf(other.key));
  assert.equal(await second.stateOf(device.id, other.key), 'trusted');
  await second.settled();
  await world.cyand.restart();
  const third = await Owner.of(world);
  await third.settled();
  assert.deepEqual(third.changes(device.id), []);
});

test('held sessions and what was pending of known devices outlive kill -9 as they should', async (t) => {
  const world = await World.start(t);
  const owner = await Owner.of(world);
  const device = await foundDevice(owner);
  const other = await sameDevice(owner, device);
  const stranger = await world.device({ known: false });
  await other.goOnline();
  await stranger.goOnline();
  await owner.untilSession(device.id, 'held');
  await owner.untilSession(stranger.id, 'held');
  await world.cyand.restart('SIGKILL');
  assert.equal(await owner.stateOf(device.id, other.key), 'pending');
  assert.equal((await owner.describe(device.id)).session, 'none');
  const gone = await owner.ask('GET', `/v1/devices/${stranger.id}`);
  assert.ok([403, 404].includes(gone.status), gone.text); // ids that nobody knows are in memory only
  await owner.must(device.id, other.key, 'approve');
  await other.goOnline();
  await owner.untilSession(device.id, 'full');
});
