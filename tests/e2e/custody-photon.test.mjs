// custody-photon.test.mjs - a Photon that lost its key to a torn flash write: what its LED shows,
// what its owner sees, and how it comes back without being touched.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';

import { Owner } from './lib/custody.mjs';
import { RED } from './lib/photon.mjs';
import { World } from './lib/world.mjs';

const VIOLET = '#EE82EE'; // the signal

// A Photon that the cloud knows, with a key that it has just made anew. Resolves to its fingerprint.
async function newKey(owner, photon) {
  photon.start();
  await photon.untilBreathingCyan();
  await owner.untilSession(photon.id, 'full');
  await photon.stop();
  await owner.untilSession(photon.id, 'none');
  photon.start('--corrupt', 'device-key:erase');
  const made = await photon.line((line) => line.ev === 'key' && line.what === 'generated');
  return made.fingerprint;
}

describe('with its key gone,', { concurrency: 4 }, () => {
  for (const impl of ['a', 'b']) {
    test(`a Photon of ${impl} with a new key breathes cyan, held, until its owner approves`, async (t) => {
      const world = await World.start(t);
      const owner = await Owner.of(world);
      const photon = await world.photon({ impl });
      const { id } = photon;
      const print = await newKey(owner, photon);
      await photon.untilBreathingCyan();
      const told = await owner.change(id, 'cyan/key/pending');
      assert.equal(told.new, print);
      assert.equal(told.cause, 'held: the LED breathes cyan, but the device is not trusted');
      const held = await owner.describe(id);
      assert.deepEqual([held.online, held.session, held.key_state], [false, 'held', 'pending']);
      const call = () => owner.ask('POST', `/v1/devices/${id}/add`, { arg: '40,2' });
      assert.equal((await call()).json.code, 'DEVICE_HELD');

      const put = (signal) => owner.ask('PUT', `/v1/devices/${id}`, { signal, key: print });
      assert.equal((await put(1)).status, 200);
      await photon.led(VIOLET);
      assert.equal((await put(0)).status, 200);

      const from = photon.lines.mark;
      const events = owner.stream.events.mark;
      const approved = await owner.ask('POST', `/v1/devices/${id}/keys/${print}/approve`, { via: 'blink' });
      assert.equal(approved.json.takes_effect, 'now');
      await owner.untilSession(id, 'full');
      assert.equal((await call()).json.return_value, 42);
      await owner.ask('POST', '/v1/devices/events', { name: 'photon/hello', data: 'again' });
      await photon.line((line) => line.name === 'photon/hello', { from });
      assert.equal(photon.lines.items.slice(from).some((line) => line.state === 'connecting'), false);
      assert.deepEqual(owner.statuses(id, events), ['online']);
      assert.deepEqual(await photon.stop(), { code: 0, signal: null });
    });

    test(`a Photon of ${impl} with a new key is red under strict, and cyan at its next try`, async (t) => {
      const world = await World.start(t);
      const owner = await Owner.of(world);
      await world.policy({ policy: 'strict' });
      const photon = await world.photon({ impl });
      const print = await newKey(owner, photon);
      await photon.led(RED);
      const told = await owner.change(photon.id, 'cyan/key/mismatch');
      assert.equal(told.new, print);
      const at = (action) => owner.ask('POST', `/v1/devices/${photon.id}/keys/${print}/${action}`, {});
      assert.equal((await at('approve')).status, 404); // a key that was refused is not kept
      await owner.ask('DELETE', '/v1/user/key-policy');
      await photon.untilBreathingCyan();
      await owner.untilSession(photon.id, 'held');
      assert.equal((await at('approve')).status, 200);
      await owner.untilSession(photon.id, 'full');
    });
  }

  test('a Photon in a window comes back by itself', async (t) => {
    const world = await World.start(t);
    const owner = await Owner.of(world);
    const photon = await world.photon({ impl: 'a' });
    photon.start();
    await owner.untilSession(photon.id, 'full');
    await photon.stop();
    await owner.untilSession(photon.id, 'none');
    await owner.window(photon.id);
    const from = owner.stream.events.mark;
    photon.start('--corrupt', 'device-key:erase');
    await photon.untilBreathingCyan();
    const told = await owner.change(photon.id, 'cyan/key/changed', from);
    assert.equal(told.via, 'enroll');
    await owner.untilSession(photon.id, 'full');
  });
});
