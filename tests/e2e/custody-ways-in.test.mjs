// custody-ways-in.test.mjs - what an account must not be able to leave behind for others: a policy on
// an id that is not its own, or a way back into a device that it gave up.
import assert from 'node:assert/strict';
import test from 'node:test';

import { Owner, foundDevice, printOf, sameDevice } from './lib/custody.mjs';
import { newKey } from './lib/rsa.mjs';
import { World } from './lib/world.mjs';

const TO_ALL = { absent: false, firmware: false, module: false, address: false };
const HEAL_ALL = { policy: 'heal', familiar: TO_ALL };

async function twoAccounts(t) {
  const world = await World.start(t, { args: ['--signup'] });
  const ann = await Owner.of(world);
  const eve = await Owner.of(world, await world.cyand.signUp('eve@example.org'));
  return { world, ann, eve };
}

// Comes with a key of its own under the device's id; resolves to what became of that key.
async function comeAs(owner, device) {
  const other = await sameDevice(owner, device);
  await other.goOnline();
  await owner.change(device.id, 'cyan/key/pending');
  return owner.stateOf(device.id, other.key);
}

test('a policy cannot be planted on an id before its device has proven a key', async (t) => {
  const { world, ann, eve } = await twoAccounts(t);
  const device = await world.device({ token: ann.token });
  assert.equal((await eve.upload(device.id, newKey(1024))).status, 200);
  for (const owner of [eve, ann]) {
    const put = await owner.ask('PUT', `/v1/devices/${device.id}/key-policy`, HEAL_ALL);
    assert.deepEqual([put.status, put.json.code], [409, 'NOT_PROVEN']);
  }
  await device.goOnline();
  device.close();
  await ann.untilSession(device.id, 'none');
  const seen = (await ann.keys(device.id)).policy;
  assert.deepEqual([seen.value, seen.from], ['quarantine', 'default']);
  assert.equal(await comeAs(ann, device), 'pending');
});

test('whoever gives up a device keeps no way back into it', async (t) => {
  const { world, ann, eve } = await twoAccounts(t);
  const device = await foundDevice(eve);
  const announced = newKey(1024);
  await eve.policy(device.id, HEAL_ALL);
  assert.equal((await eve.upload(device.id, announced)).status, 200);
  assert.equal(await eve.stateOf(device.id, announced), 'announced');
  assert.equal((await eve.ask('DELETE', `/v1/devices/${device.id}`)).status, 200);
  assert.equal((await ann.ask('POST', '/v1/devices', { id: device.id })).status, 200);
  const { policy, keys } = await ann.keys(device.id);
  assert.deepEqual([policy.value, policy.from], ['quarantine', 'default']);
  assert.deepEqual(keys.map((key) => key.fingerprint), [printOf(device.key)]);
  const back = await world.device({ known: false, id: device.id, key: announced });
  await back.goOnline();
  await ann.change(device.id, 'cyan/key/pending');
  assert.equal(await ann.stateOf(device.id, announced), 'pending');
});
