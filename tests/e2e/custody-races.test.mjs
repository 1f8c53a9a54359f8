// custody-races.test.mjs - orders that come while a device is in the middle of something: what the
// store holds in the end is what holds, and what the cloud answers is what the store holds.
import assert from 'node:assert/strict';

import { foundDevice, isFull, sameDevice, withOneCloud } from './lib/custody.mjs';
import { ANSWER_LEN } from './lib/handshake.mjs';
import { newKey } from './lib/rsa.mjs';

const TRIES = 6;

withOneCloud('an order in the middle', {
  'does not make a key of one that the server chose and that was dropped before its Hello': async (owner) => {
    const device = await foundDevice(owner);
    const dropped = newKey(1024);
    await owner.upload(device.id, dropped);
    const other = await sameDevice(owner, device, dropped);
    assert.equal(await other.handshake({ short: true }), true);
    await owner.upload(device.id, newKey(1024));
    await other.send(other.hello());
    await other.closed;
    assert.equal(await owner.stateOf(device.id, dropped), 'none');
  },

  'tries the other key after a frame that is no Hello, as after none': async (owner) => {
    const device = await foundDevice(owner);
    await owner.upload(device.id, newKey(1024)); // not the one on the device
    await device.connect();
    await device.receiveNonce();
    await device.write(device.makeRequest({ short: true }));
    assert.ok(await device.read(ANSWER_LEN));
    await device.write(Buffer.concat([Buffer.from([0, 16]), Buffer.alloc(16, 7)]));
    await device.closed;
    await device.goOnline({ short: true });
    assert.equal(await isFull(device), true);
  },

  'or a heal, waits until the full session that stands has ended': async (owner) => {
    const device = await owner.world.device({ token: owner.token });
    await device.goOnline();
    device.app.deaf = true; // it could be dead, or not: silence is no alarm
    await owner.policy(device.id, { policy: 'heal', familiar: { absent: false, module: false } });
    const other = await sameDevice(owner, device);
    await other.goOnline();
    await owner.change(device.id, 'cyan/key/pending');
    assert.equal(await isFull(other), false);
    device.close();
    const { via } = await owner.change(device.id, 'cyan/key/changed', owner.stream.events.mark);
    assert.equal(via, 'heal');
    await owner.untilSession(device.id, 'full');
    assert.equal(await isFull(other), true);
  },

  'tells the truth of a key that was unknown to the store and is trusted by now': async (owner) => {
    const device = await owner.world.device({ known: false });
    await device.goOnline();
    await owner.untilSession(device.id, 'held');
    device.close();
    await owner.untilSession(device.id, 'none');
    await owner.must(device.id, device.key, 'approve');
    const answer = await owner.order(device.id, device.key, 'deny');
    assert.deepEqual([answer.status, answer.json.state], [409, 'trusted']);
    assert.equal(await owner.stateOf(device.id, device.key), 'trusted');
  },

  'leaves the newer session of the approved key, not the one that was held before': async (owner) => {
    for (let i = 0; i < TRIES; i++) {
      const device = await foundDevice(owner);
      const older = await sameDevice(owner, device);
      await older.goOnline();
      await owner.untilSession(device.id, 'held');
      const newer = await sameDevice(owner, device, older.key);
      assert.equal(await newer.handshake(), true);
      const approved = owner.must(device.id, older.key, 'approve');
      await newer.send(newer.hello());
      await approved;
      await older.closed;
      await owner.untilSession(device.id, 'full');
      assert.equal(await isFull(newer), true);
    }
  },
});
