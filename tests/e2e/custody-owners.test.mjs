// custody-owners.test.mjs - whose a device is: uploads for ids that nobody knows, claim codes, claims
// by id, giving up. docs/SPEC-custody.md, "Judgement" (unknown ids) and "HTTP".
import assert from 'node:assert/strict';

import { USER } from './lib/cyand.mjs';
import { Owner, foundDevice, isFull, printOf, sameDevice, withOneCloud } from './lib/custody.mjs';
import { newKey } from './lib/rsa.mjs';
import { eventually } from './lib/time.mjs';

const SIGNUP = { args: ['--signup'] };
const HIDDEN = [403, 404];

let people = 0;
async function somebody(owner) {
  const name = `person${++people}@example.org`;
  return Object.assign(await Owner.of(owner.world, await owner.world.cyand.signUp(name)), { name });
}

async function strangeDevice(owner) {
  const device = await owner.world.device({ known: false });
  await device.goOnline();
  return device;
}

const seesNot = async (owner, id) => {
  assert.ok(HIDDEN.includes((await owner.ask('GET', `/v1/devices/${id}`)).status));
  const list = (await owner.ask('GET', '/v1/devices')).json;
  assert.equal(list.some((device) => device.id === id), false);
};

const isTheirs = async (owner, id) => {
  const ask = async () => (await owner.ask('GET', '/v1/devices')).json.some((d) => d.id === id);
  await eventually(ask, { what: `the device ${id} in the list of its owner` });
};

async function codeOf(owner) {
  const answer = await owner.ask('POST', '/v1/device_claims', {});
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.json.claim_code, /^[A-Za-z0-9+/]{63}$/);
  return answer.json;
}

async function say(device, code) {
  await device.publish('spark/device/claim/code', code, { confirm: true });
  await device.settled();
}

const untilFull = (device) => eventually(() => isFull(device), { what: 'a full session' });

const claim = (owner, id) => owner.ask('POST', '/v1/devices', { id });
const release = (owner, id) => owner.ask('DELETE', `/v1/devices/${id}`);

withOneCloud('an id that nobody knows', {
  'is held, seen by the operator alone, and his when he approves': async (owner) => {
    const bea = await somebody(owner);
    const device = await strangeDevice(owner);
    await owner.untilSession(device.id, 'held');
    assert.equal(await isFull(device), false);
    await seesNot(bea, device.id);
    const seen = await owner.describe(device.id);
    assert.deepEqual([seen.online, seen.key_state], [false, 'pending']);
    assert.equal(await owner.stateOf(device.id, device.key), 'pending');
    assert.ok(HIDDEN.includes((await bea.order(device.id, device.key, 'approve')).status));
    const answer = await owner.must(device.id, device.key, 'approve');
    assert.deepEqual([answer.state, answer.takes_effect], ['trusted', 'now']);
    await untilFull(device);
    await owner.changesAre(device.id, ['cyan/key/approved']);
    assert.equal((await owner.describe(device.id)).owner, USER);
    await seesNot(bea, device.id);
  },

  'is closed when the operator denies it, and refused from then on': async (owner) => {
    const device = await strangeDevice(owner);
    assert.equal((await owner.must(device.id, device.key, 'deny')).state, 'denied');
    await device.untilClosed();
    assert.equal(await device.handshake(), false);
    const other = await sameDevice(owner, device);
    await other.goOnline(); // another key may ask
    assert.equal(await isFull(other), false);
  },

  'is theirs who upload the key that waits, and no other key': async (owner) => {
    const bea = await somebody(owner);
    const device = await strangeDevice(owner);
    await bea.upload(device.id, newKey(1024));
    await bea.settled();
    assert.equal(await isFull(device), false);
    await bea.upload(device.id, device.key);
    await untilFull(device);
    await isTheirs(bea, device.id);
    await seesNot(owner, device.id);
    const told = await bea.change(device.id, 'cyan/key/changed');
    assert.deepEqual([told.old, told.new], [null, printOf(device.key)]);
  },

  'is bound for several accounts until a key proves itself': async (owner) => {
    const bea = await somebody(owner);
    const device = await owner.world.device({ known: false });
    const other = await sameDevice(owner, device);
    await owner.upload(device.id, device.key);
    await bea.upload(device.id, other.key);
    for (const [who, key, foreign] of [[owner, device.key, other.key], [bea, other.key, device.key]]) {
      await isTheirs(who, device.id);
      assert.equal(await who.stateOf(device.id, key), 'trusted');
      assert.equal(await who.key(device.id, foreign), undefined);
    }
    await other.goOnline();
    await untilFull(other);
    await seesNot(owner, device.id);
    assert.equal((await bea.describe(device.id)).session, 'full');
    assert.ok(HIDDEN.includes((await owner.upload(device.id, device.key)).status));
    await device.goOnline();
    assert.equal(await isFull(device), false);
  },

  'is theirs who uploaded its key first, when several did': async (owner) => {
    const bea = await somebody(owner);
    const device = await owner.world.device({ known: false });
    await bea.upload(device.id, device.key);
    await owner.upload(device.id, device.key);
    await device.goOnline();
    await isTheirs(bea, device.id);
    await seesNot(owner, device.id);
  },

  'is bound for four accounts at most': async (owner) => {
    const everybody = [owner];
    while (everybody.length < 5) {
      everybody.push(await somebody(owner));
    }
    const { id } = await owner.world.device({ known: false });
    const statuses = [];
    for (const who of everybody) {
      statuses.push((await who.upload(id, newKey(1024))).status);
    }
    assert.deepEqual(statuses.slice(0, 4), [200, 200, 200, 200]);
    assert.ok(statuses[4] >= 400 && statuses[4] < 500, `${statuses[4]}`);
    await seesNot(everybody[4], id);
    assert.equal((await release(everybody[3], id)).status, 200);
    assert.equal((await everybody[4].upload(id, newKey(1024))).status, 200);
  },

  'cannot be claimed': async (owner) => {
    const device = await strangeDevice(owner);
    assert.equal((await claim(owner, device.id)).status, 404);
    assert.equal((await claim(owner, 'f'.repeat(24))).status, 404);
    assert.equal((await claim(owner, 'short')).status, 400);
  },
}, SIGNUP);

withOneCloud('an unknown id that may enrol', {
  'is trusted when proven, owned by nobody, and his who claims it first': async (owner) => {
    const bea = await somebody(owner);
    const device = await strangeDevice(owner);
    await untilFull(device);
    const { status, json } = await claim(bea, device.id);
    assert.equal(status, 200);
    assert.deepEqual([json.ok, json.id, json.deviceID, json.connected, json.claimed, json.user_id],
      [true, device.id, device.id, true, true, bea.name]);
    const late = await claim(owner, device.id);
    assert.equal(late.status, 403);
    assert.match(late.json.error, /belongs to someone else/);
    assert.deepEqual((await claim(bea, device.id)).status, 200);
    assert.equal(await isFull(device, 'after/claim'), true);
    await bea.stream.next((event) => event.name === 'after/claim');
    assert.equal(await bea.stateOf(device.id, device.key), 'trusted');
    const other = await sameDevice(owner, device);
    await other.goOnline(); // it is known now
    assert.equal(await isFull(other), false);
  },
}, { args: ['--signup', '--unknown', 'enroll'] });

withOneCloud('a device that is given up', {
  'stays full without an owner, tells nobody anything, and can be claimed again': async (owner) => {
    const bea = await somebody(owner);
    const device = await foundDevice(owner);
    await device.goOnline();
    const other = await sameDevice(owner, device);
    await other.goOnline();
    assert.deepEqual((await release(owner, device.id)).json, { ok: true });
    await other.untilClosed(); // held ones end
    const from = owner.stream.events.mark;
    assert.equal(await isFull(device, 'to/nobody'), true);
    await owner.settled();
    assert.equal(owner.stream.events.items.slice(from).some((e) => e.name === 'to/nobody'), false);
    assert.equal((await claim(bea, device.id)).status, 200);
    assert.equal(await isFull(device, 'to/bea'), true);
    await bea.stream.next((event) => event.name === 'to/bea');
    await seesNot(owner, device.id);
    assert.ok(HIDDEN.includes((await release(owner, device.id)).status));
  },

  'leaves its key trusted': async (owner) => {
    const device = await foundDevice(owner);
    await release(owner, device.id);
    await device.goOnline();
    assert.equal(await isFull(device), true);
  },
}, SIGNUP);

withOneCloud('a claim code', {
  'has 63 characters, comes with the ids of the account, and differs each time': async (owner) => {
    const bea = await somebody(owner);
    const device = await foundDevice(bea);
    const [first, second] = [await codeOf(bea), await codeOf(bea)];
    assert.notEqual(first.claim_code, second.claim_code);
    assert.deepEqual(first.device_ids, [device.id]);
  },

  'of a full session of a device that nobody owns makes the account its owner, once': async (owner) => {
    const bea = await somebody(owner);
    const { claim_code: code } = await codeOf(bea);
    const devices = [await foundDevice(owner), await foundDevice(owner)];
    for (const device of devices) {
      await release(owner, device.id);
      await device.goOnline();
      await say(device, code);
    }
    await isTheirs(bea, devices[0].id);
    assert.equal(await isFull(devices[0], 'claimed/now'), true);
    await bea.stream.next((event) => event.name === 'claimed/now');
    await bea.settled();
    await seesNot(bea, devices[1].id);
  },

  'of a full session of an owned device changes nothing': async (owner) => {
    const bea = await somebody(owner);
    const device = await foundDevice(owner);
    await device.goOnline();
    await say(device, (await codeOf(bea)).claim_code);
    await bea.settled();
    await seesNot(bea, device.id);
    assert.equal((await owner.describe(device.id)).online, true);
  },

  'of a held session of an unknown id makes it trusted, in place': async (owner) => {
    const bea = await somebody(owner);
    const device = await strangeDevice(owner);
    await say(device, (await codeOf(bea)).claim_code);
    await untilFull(device);
    await isTheirs(bea, device.id);
    await bea.changesAre(device.id, ['cyan/key/changed']);
    const told = await bea.change(device.id, 'cyan/key/changed');
    assert.deepEqual([told.via, told.by, told.new], ['claim', bea.name, printOf(device.key)]);
    await seesNot(owner, device.id);
  },

  'of its owner, from a held session, is an approval': async (owner) => {
    const device = await foundDevice(owner);
    const other = await sameDevice(owner, device);
    await other.goOnline();
    const from = owner.stream.events.mark;
    await say(other, (await codeOf(owner)).claim_code);
    await untilFull(other);
    const told = await owner.change(device.id, 'cyan/key/approved', from);
    assert.deepEqual([told.via, told.by], ['claim', USER]);
    assert.equal(await owner.stateOf(device.id, device.key), 'retired');
  },

  'of somebody else, or of nobody, from a held session, is nothing': async (owner) => {
    const bea = await somebody(owner);
    const device = await foundDevice(owner);
    const other = await sameDevice(owner, device);
    await other.goOnline();
    for (const code of [(await codeOf(bea)).claim_code, 'x'.repeat(63), 'short', '']) {
      await say(other, code);
      await owner.settled();
      assert.equal(await isFull(other), false);
    }
    await seesNot(bea, device.id);
    assert.equal(await owner.stateOf(device.id, device.key), 'trusted');
  },

  'of a held session of a device without owner and trusted key claims it, and undoes no revocation': async (owner) => {
    const bea = await somebody(owner);
    const device = await foundDevice(owner);
    await owner.must(device.id, device.key, 'revoke');
    await release(owner, device.id);
    const other = await sameDevice(owner, device);
    await other.goOnline();
    assert.equal(await isFull(other), false);
    await say(other, (await codeOf(bea)).claim_code);
    await untilFull(other);
    await isTheirs(bea, device.id);
    assert.equal(await bea.stateOf(device.id, device.key), 'revoked');
    assert.equal(await device.handshake(), false);
  },
}, SIGNUP);
