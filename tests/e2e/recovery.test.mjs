// recovery.test.mjs - a device with our firmware library lost its key and says with its recovery key
// which new one is its own: docs/SPEC-custody.md, "Recovery".
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';

import { foundDevice, isFull, printOf, sameDevice, withOneCloud } from './lib/custody.mjs';
import { publicPem } from './lib/device.mjs';
import { newKey } from './lib/rsa.mjs';

const FORM = Buffer.from([1]);

function recoveryKey() {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = pair.publicKey.export({ format: 'der', type: 'spki' });
  return {
    privateKey: pair.privateKey,
    pem: pair.publicKey.export({ format: 'pem', type: 'spki' }),
    point: spki.subarray(spki.length - 65),
  };
}

// What a device signs, of its present handshake.
function proofOf(owner, device, recovery, { nonce = device.nonce, id = device.id, key = device.key } = {}) {
  const text = Buffer.concat([
    Buffer.from('cyan-key-proof-v1'),
    nonce,
    Buffer.from(id, 'hex'),
    Buffer.from(printOf(key), 'hex'),
    createHash('sha256').update(owner.world.serverKey).digest(),
  ]);
  const options = { key: recovery.privateKey, dsaEncoding: 'ieee-p1363' };
  return Buffer.concat([FORM, sign('sha256', text, options)]);
}

// A known device whose recovery key came with a full session, back with another key, and held.
async function heldDevice(owner, recovery) {
  const device = await owner.world.device();
  await device.goOnline();
  await device.ackOf(await device.publish('cyan/hello', Buffer.concat([FORM, recovery.point]), { confirm: true }));
  device.close();
  await owner.untilSession(device.id, 'none');
  const other = await sameDevice(owner, device);
  await other.goOnline();
  await owner.untilSession(device.id, 'held');
  return { device, other };
}

withOneCloud('a proof with the recovery key', {
  'makes the new key trusted in place, when the key came with a full session': async (owner) => {
    const recovery = recoveryKey();
    const { device, other } = await heldDevice(owner, recovery);
    const from = owner.stream.events.mark;
    await other.ackOf(await other.publish('cyan/proof', proofOf(owner, other, recovery), { confirm: true }));
    const change = await owner.change(device.id, 'cyan/key/changed', from);
    assert.deepEqual([change.via, change.old, change.new], ['recovery', printOf(device.key), printOf(other.key)]);
    await owner.untilSession(device.id, 'full');
    assert.equal(await isFull(other), true);
    const key = await owner.key(device.id, other.key);
    assert.deepEqual([key.state, key.source], ['trusted', 'recovered']);
    assert.equal(await owner.stateOf(device.id, device.key), 'retired');
  },

  'counts when the recovery key came with the upload': async (owner) => {
    const recovery = recoveryKey();
    const device = await owner.world.device({ known: false });
    const form = { publicKey: publicPem(device.key), recoveryKey: recovery.pem };
    const answer = await owner.world.cyand.request('POST', `/v1/provisioning/${device.id}`, { token: owner.token, form });
    assert.equal(answer.status, 200, answer.text);
    await device.goOnline();
    device.close();
    await owner.untilSession(device.id, 'none');
    const other = await sameDevice(owner, device);
    await other.goOnline();
    await other.publish('cyan/proof', proofOf(owner, other, recovery));
    await owner.untilSession(device.id, 'full');
    assert.equal(await owner.stateOf(device.id, other.key), 'trusted');
  },

  'does not count when any part of it is another one': async (owner) => {
    const recovery = recoveryKey();
    const { device, other } = await heldDevice(owner, recovery);
    const nonce = Buffer.from(other.nonce);
    nonce[0] ^= 1;
    const flipped = proofOf(owner, other, recovery);
    flipped[64] ^= 1;
    const bad = [
      proofOf(owner, other, recoveryKey()),
      proofOf(owner, other, recovery, { nonce }),
      proofOf(owner, other, recovery, { id: 'ff'.repeat(12) }),
      proofOf(owner, other, recovery, { key: newKey(1024) }),
      flipped,
      flipped.subarray(0, 64),
      Buffer.concat([Buffer.from([2]), proofOf(owner, other, recovery).subarray(1)]),
      Buffer.alloc(65),
    ];
    for (const proof of bad) {
      await other.ackOf(await other.publish('cyan/proof', proof, { confirm: true }));
    }
    await owner.settled();
    assert.equal(await owner.stateOf(device.id, other.key), 'pending');
    assert.equal((await owner.describe(device.id)).session, 'held');
    await other.publish('cyan/proof', proofOf(owner, other, recovery));
    await owner.untilSession(device.id, 'full');
  },

  'is not taken from a held session that says hello with a key of its own': async (owner) => {
    const mine = recoveryKey();
    const device = await foundDevice(owner);
    const other = await sameDevice(owner, device);
    await other.goOnline();
    await owner.untilSession(device.id, 'held');
    await other.ackOf(await other.publish('cyan/hello', Buffer.concat([FORM, mine.point]), { confirm: true }));
    await other.ackOf(await other.publish('cyan/proof', proofOf(owner, other, mine), { confirm: true }));
    await owner.settled();
    assert.equal(await owner.stateOf(device.id, other.key), 'pending');
  },

  'keeps to the first recovery key, which only an upload replaces': async (owner) => {
    const [first, second] = [recoveryKey(), recoveryKey()];
    const device = await owner.world.device();
    await device.goOnline();
    for (const { point } of [first, second]) {
      await device.ackOf(await device.publish('cyan/hello', Buffer.concat([FORM, point]), { confirm: true }));
    }
    const other = await sameDevice(owner, device);
    await other.goOnline();
    await other.ackOf(await other.publish('cyan/proof', proofOf(owner, other, second), { confirm: true }));
    await owner.settled();
    assert.equal(await owner.stateOf(device.id, other.key), 'pending');
    const form = { publicKey: publicPem(device.key), recoveryKey: second.pem };
    await owner.world.cyand.request('POST', `/v1/provisioning/${device.id}`, { token: owner.token, form });
    await other.publish('cyan/proof', proofOf(owner, other, second));
    await owner.untilSession(device.id, 'full');
    assert.equal(await owner.stateOf(device.id, other.key), 'trusted');
  },

  'is refused as an upload when it is no P-256 key': async (owner) => {
    const device = await owner.world.device({ known: false });
    const other = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey;
    for (const pem of ['nothing', publicPem(device.key), other.export({ format: 'pem', type: 'spki' })]) {
      const form = { publicKey: publicPem(device.key), recoveryKey: pem };
      const answer = await owner.world.cyand.request('POST', `/v1/provisioning/${device.id}`, { token: owner.token, form });
      assert.equal(answer.status, 400, answer.text);
    }
  },
});
