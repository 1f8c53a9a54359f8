// rotation.test.mjs - after a rotation devices come in with the old server key and with the new one,
// and the cloud tells which of them uses which.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import { RawDevice } from './lib/device.mjs';
import { run } from './lib/program.mjs';
import { World } from './lib/world.mjs';

function fingerprintOf(spki) {
  return createHash('sha256').update(spki).digest('hex');
}

async function rotate(t, world, ...more) {
  await world.cyand.stop();
  return run(t, 'cyand', ['rotate', '--data', world.cyand.data, ...more]);
}

// The same device with another copy of the server's key.
function withServerKey(t, world, device, serverKey) {
  const { id, key } = device;
  return new RawDevice(t, { address: world.cyand.device, serverKey, id, key });
}

async function usersByRole(world) {
  const answer = await world.cyand.get('/v1/system/server-keys');
  assert.equal(answer.status, 200, answer.text);
  return Object.fromEntries(
    answer.json.keys.map(({ role, fingerprint, short, devices }) => {
      assert.equal(short, fingerprint.slice(0, 16).match(/.{4}/g).join('-'));
      return [role, { fingerprint, ids: devices.map(({ id }) => id).sort() }];
    }),
  );
}

test('devices with the old key and with the new one are online, and each key lists its users', async (t) => {
  const world = await World.start(t);
  const old = world.serverKey;
  const stays = await world.device();
  const moves = await world.device();
  await stays.goOnline();
  await moves.goOnline();
  assert.equal((await rotate(t, world)).code, 0);
  await world.cyand.begin(world.cyand.http, world.cyand.device);
  const now = await world.cyand.serverKey();
  assert.notDeepEqual(now, old);
  await withServerKey(t, world, stays, old).goOnline();
  await withServerKey(t, world, moves, now).goOnline();
  await world.cyand.untilOnline(stays.id);
  await world.cyand.untilOnline(moves.id);
  assert.deepEqual(await usersByRole(world), {
    current: { fingerprint: fingerprintOf(now), ids: [moves.id] },
    previous: { fingerprint: fingerprintOf(old), ids: [stays.id] },
  });
});

test('the previous key can be finished when its last user came with the new one', async (t) => {
  const world = await World.start(t);
  const old = world.serverKey;
  const device = await world.device();
  await device.goOnline();
  assert.equal((await rotate(t, world)).code, 0);
  await world.cyand.begin(world.cyand.http, world.cyand.device);
  await withServerKey(t, world, device, old).goOnline();
  const early = await rotate(t, world, '--finish');
  assert.equal(early.code, 1);
  assert.match(early.stderr, /1 device used the previous server key last/);
  await world.cyand.begin(world.cyand.http, world.cyand.device);
  const now = await world.cyand.serverKey();
  await withServerKey(t, world, device, now).goOnline();
  assert.equal((await rotate(t, world, '--finish')).code, 0);
  await world.cyand.begin(world.cyand.http, world.cyand.device);
  await withServerKey(t, world, device, now).goOnline();
  assert.deepEqual(Object.keys(await usersByRole(world)), ['current']);
  // Who knows the forgotten key alone hears nothing.
  assert.equal(await withServerKey(t, world, device, old).handshake(), false);
});
