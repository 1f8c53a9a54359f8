// custody-orders.test.mjs - what an owner does with keys: every order in every state, and what it
// does to the sessions that stand. docs/SPEC-custody.md, "Transitions".
import assert from 'node:assert/strict';

import { USER } from './lib/cyand.mjs';
import { publicPem } from './lib/device.mjs';
import { Owner, foundDevice, isFull, kinds, printOf, sameDevice, withOneCloud } from './lib/custody.mjs';
import { newKey } from './lib/rsa.mjs';
import { eventually } from './lib/time.mjs';

const NO = null; // 409, and nothing changes
const SAME = [];

// The state that the key has after the order, and the events; NO where the state does not allow it.
const table = {
  trusted: {
    approve: ['trusted', SAME],
    deny: NO,
    revoke: ['revoked', ['cyan/key/revoked']],
    unrevoke: NO,
    revert: NO,
    upload: ['trusted', SAME],
  },
  announced: {
    approve: ['trusted', ['cyan/key/approved']],
    deny: ['none', ['cyan/key/denied']],
    revoke: ['revoked', ['cyan/key/revoked']],
    unrevoke: NO,
    revert: NO,
    upload: ['announced', SAME],
  },
  pending: {
    approve: ['trusted', ['cyan/key/approved']],
    deny: ['denied', ['cyan/key/denied']],
    revoke: ['revoked', ['cyan/key/revoked']],
    unrevoke: NO,
    revert: NO,
    upload: ['trusted', ['cyan/key/changed']],
  },
  denied: {
    approve: ['trusted', ['cyan/key/approved']],
    deny: ['denied', SAME],
    revoke: ['revoked', ['cyan/key/revoked']],
    unrevoke: NO,
    revert: NO,
    upload: ['announced', SAME],
  },
  'retired by a human': {
    approve: ['trusted', ['cyan/key/approved']],
    deny: NO,
    revoke: ['revoked', ['cyan/key/revoked']],
    unrevoke: NO,
    revert: ['trusted', ['cyan/key/reverted']],
    upload: ['announced', SAME],
  },
  revoked: {
    approve: NO,
    deny: NO,
    revoke: ['revoked', SAME],
    unrevoke: ['retired', ['cyan/key/changed']],
    revert: NO,
    upload: NO,
  },
};

const VIA = { approve: 'api', deny: 'api', revoke: 'api', unrevoke: 'unrevoke', revert: 'revert', upload: 'upload' };

function carryOut(owner, id, key, action) {
  return action === 'upload' ? owner.upload(id, key) : owner.order(id, key, action, { reason: 'a test' });
}

async function expectCell(owner, kind, action) {
  const device = await foundDevice(owner);
  const { id } = device;
  const { key } = await kinds[kind](owner, device);
  await owner.settled();
  const from = owner.stream.events.mark;
  const before = await owner.keys(id);
  const answer = await carryOut(owner, id, key, action);
  if (table[kind][action] === NO) {
    assert.equal(answer.status, 409, answer.text);
    assert.equal(answer.json.ok, false);
    assert.equal(answer.json.code, 'KEY_STATE');
    if (action !== 'upload') {
      assert.equal(answer.json.state, kind.split(' ')[0]);
    }
    assert.deepEqual(await owner.keys(id), before);
    await owner.settled();
    assert.deepEqual(owner.changes(id, from), []);
    return;
  }
  const [state, events] = table[kind][action];
  assert.equal(answer.status, 200, answer.text);
  if (action !== 'upload') {
    assert.deepEqual([answer.json.fingerprint, answer.json.state], [printOf(key), state]);
  }
  assert.equal(await owner.stateOf(id, key), state);
  await owner.changesAre(id, events, from);
  for (const event of owner.changes(id, from)) {
    const data = JSON.parse(event.data);
    assert.deepEqual([data.via, data.by], [VIA[action], USER]);
    assert.ok([data.old, data.new].includes(printOf(key)));
  }
  const { keys } = await owner.keys(id);
  const trusted = keys.filter((entry) => entry.state === 'trusted');
  assert.equal(trusted.length, kind === 'trusted' && action === 'revoke' ? 0 : 1);
}

for (const kind of Object.keys(table)) {
  const cases = {};
  for (const action of Object.keys(table[kind])) {
    const [state] = table[kind][action] ?? ['as it was'];
    cases[`${action} leaves it ${state}`] = (owner) => expectCell(owner, kind, action);
  }
  withOneCloud(`of a key that is ${kind}`, cases);
}

async function held(owner, device) {
  const other = await sameDevice(owner, device);
  await other.goOnline();
  await eventually(async () => (await owner.key(device.id, other.key))?.session === 'held', {
    what: 'the held session of the key',
  });
  return other;
}

withOneCloud('of the sessions', {
  'deny closes the held one, and the key is refused afterwards, silently': async (owner) => {
    const device = await foundDevice(owner);
    const other = await held(owner, device);
    await owner.must(device.id, other.key, 'deny');
    await other.untilClosed();
    const from = owner.stream.events.mark;
    assert.equal(await other.handshake(), false);
    await owner.settled();
    assert.deepEqual(owner.changes(device.id, from), []);
    await device.goOnline();
    assert.equal(await isFull(device), true);
  },

  'revoke closes the full one, and unrevoke does not make it full again': async (owner) => {
    const device = await foundDevice(owner);
    await device.goOnline();
    await owner.must(device.id, device.key, 'revoke');
    await device.untilClosed();
    assert.equal(await device.handshake(), false);
    assert.equal((await owner.describe(device.id)).key_state, 'revoked');
    await owner.must(device.id, device.key, 'unrevoke', { reason: 'found again' });
    await device.goOnline();
    assert.equal(await isFull(device), false);
    await owner.must(device.id, device.key, 'revert');
    await eventually(() => isFull(device), { what: 'the reverted key full' });
  },

  'revoke closes the held one': async (owner) => {
    const device = await foundDevice(owner);
    const other = await held(owner, device);
    await owner.must(device.id, other.key, 'revoke');
    await other.untilClosed();
    assert.equal(await other.handshake(), false);
  },

  'revoke of the trusted key trusts the announced one that waits': async (owner) => {
    const device = await foundDevice(owner);
    const next = newKey(1024);
    await owner.upload(device.id, next);
    const from = owner.stream.events.mark;
    await owner.must(device.id, device.key, 'revoke');
    assert.equal(await owner.stateOf(device.id, next), 'trusted');
    await owner.changesAre(device.id, ['cyan/key/revoked', 'cyan/key/changed'], from);
  },

  'approve says next-connect under strict, and the next try is full': async (owner) => {
    const device = await foundDevice(owner);
    const other = await held(owner, device);
    await owner.policy(device.id, { policy: 'strict' });
    await other.untilClosed(); // strict closes the held ones
    assert.equal(await other.handshake(), false);
    const answer = await owner.must(device.id, other.key, 'approve');
    assert.equal(answer.takes_effect, 'next-connect');
    await other.goOnline();
    assert.equal(await isFull(other), true);
  },

  'approve of a key that was just denied counts at its next try': async (owner) => {
    const device = await foundDevice(owner);
    const other = await held(owner, device);
    await owner.must(device.id, other.key, 'deny');
    await other.untilClosed();
    const answer = await owner.must(device.id, other.key, 'approve');
    assert.deepEqual([answer.state, answer.takes_effect], ['trusted', 'next-connect']);
    await other.goOnline();
    assert.equal(await isFull(other), true);
  },

  'two approvals at once leave one trusted key, and its session full': async (owner) => {
    const device = await foundDevice(owner);
    const both = [await held(owner, device), await held(owner, device)];
    const from = owner.stream.events.mark;
    assert.equal((await owner.describe(device.id)).key_state, 'contested');
    assert.equal((await owner.keys(device.id)).contested, true);
    await Promise.all(both.map((other) => owner.must(device.id, other.key, 'approve')));
    const states = await Promise.all(both.map((other) => owner.stateOf(device.id, other.key)));
    assert.deepEqual([...states].sort(), ['retired', 'trusted']);
    const winner = both[states.indexOf('trusted')];
    const loser = both[states.indexOf('retired')];
    await eventually(() => isFull(winner), { what: 'the approved key full' });
    await loser.goOnline().catch(() => null); // closed, or held now
    assert.equal(await isFull(loser), false);
    await owner.settled();
    const approved = owner.changes(device.id, from).filter((e) => e.name === 'cyan/key/approved');
    assert.equal(approved.length, 2);
  },

  'a contested id is not healed, and is when one key is left': async (owner) => {
    const device = await foundDevice(owner);
    const first = await held(owner, device);
    const second = await held(owner, device);
    await owner.policy(device.id, { policy: 'heal', familiar: { absent: false, module: false } });
    await owner.settled();
    for (const other of [first, second]) {
      assert.equal(await isFull(other), false);
    }
    await owner.must(device.id, first.key, 'deny');
    await first.untilClosed();
    await eventually(() => isFull(second), { what: 'the key that is left full' });
    assert.equal(await owner.stateOf(device.id, device.key), 'retired');
  },

  'a clone alarm comes when the old session answers, once, and nothing else changes': async (owner) => {
    const device = await foundDevice(owner);
    await device.goOnline();
    const from = owner.stream.events.mark;
    const other = await held(owner, device);
    const told = await owner.change(device.id, 'cyan/key/clone', from);
    assert.deepEqual([told.old, told.new], [printOf(device.key), printOf(other.key)]);
    await other.goOnline();
    await owner.settled();
    await owner.settled();
    const names = owner.changes(device.id, from).map((event) => event.name).sort();
    assert.deepEqual(names, ['cyan/key/clone', 'cyan/key/pending']);
    assert.equal(await isFull(device), true);
    assert.equal(await isFull(other), false);
    const seen = await owner.describe(device.id);
    assert.deepEqual([seen.online, seen.session, seen.key_state], [true, 'full', 'pending']);
    await owner.policy(device.id, { policy: 'heal', familiar: { absent: false, module: false } });
    await owner.settled();
    assert.equal(await isFull(other), false); // a clone is not healed
  },

  'an old session that is silent is no clone': async (owner) => {
    const device = await foundDevice(owner);
    await device.goOnline();
    device.app.deaf = true;
    const from = owner.stream.events.mark;
    const other = await held(owner, device);
    await owner.change(device.id, 'cyan/key/pending', from);
    await device.next((message) => message.code === 0 && message.type === 0, { what: 'the ping' });
    await owner.must(device.id, other.key, 'approve');
    await eventually(() => isFull(other), { what: 'the approved key full' });
    await device.untilClosed();
    await owner.changesAre(device.id, ['cyan/key/pending', 'cyan/key/approved'], from);
  },

  'a policy of the account reaches held sessions too, and a device has its own first': async (owner) => {
    const token = await owner.world.cyand.signUp('pol@example.org');
    const bea = await Owner.of(owner.world, token);
    const guarded = await foundDevice(bea);
    const open = await foundDevice(bea);
    await bea.policy(guarded.id, { policy: 'quarantine' });
    const [first, second] = [await held(bea, guarded), await held(bea, open)];
    await bea.world.policy({ policy: 'strict' }, { token });
    await second.untilClosed();
    await first.settled();
    assert.equal((await bea.describe(guarded.id)).session, 'held');
    assert.deepEqual((await bea.keys(open.id)).policy.from, 'account');
    assert.deepEqual((await bea.keys(guarded.id)).policy.from, 'device');
  },
}, { args: ['--signup'] });

withOneCloud('of the list', {
  'an order names the whole fingerprint of a key that there is': async (owner) => {
    const device = await foundDevice(owner);
    const at = (print) => owner.ask('POST', `/v1/devices/${device.id}/keys/${print}/approve`, {});
    assert.equal((await at(printOf(newKey(1024)))).status, 404);
    assert.equal((await at(printOf(device.key).slice(0, 16))).status, 400);
    assert.equal((await at('pending')).status, 400);
    assert.equal((await owner.order(device.id, device.key, 'approve', { via: 'luck' })).status, 400);
    assert.equal((await owner.order(device.id, device.key, 'unrevoke')).status, 400);
  },

  'a stranger sees and changes nothing': async (owner) => {
    const device = await foundDevice(owner);
    const token = await owner.world.cyand.signUp('eve@example.org');
    const ask = (method, route, json) => owner.world.cyand.request(method, route, { token, json });
    const root = `/v1/devices/${device.id}`;
    const tries = [
      ['GET', `${root}/keys`],
      ['POST', `${root}/keys/${printOf(device.key)}/revoke`, {}],
      ['POST', `${root}/keys/check`, { fingerprint: printOf(device.key) }],
      ['PUT', `${root}/key-policy`, { policy: 'strict' }],
      ['DELETE', root],
    ];
    for (const [method, route, json] of tries) {
      const answer = await ask(method, route, json);
      assert.ok([403, 404].includes(answer.status), `${method} ${route}: ${answer.status}`);
    }
    assert.equal(await owner.stateOf(device.id, device.key), 'trusted');
  },

  'each key has its short form, its source and its times': async (owner) => {
    const device = await foundDevice(owner);
    const other = await held(owner, device);
    const list = await owner.keys(device.id);
    assert.deepEqual(list.policy, { value: 'quarantine', from: 'default', until: null });
    for (const [key, state, source] of [[device.key, 'trusted', 'provisioned'], [other.key, 'pending', null]]) {
      const entry = await owner.key(device.id, key);
      const print = printOf(key);
      assert.equal(entry.short, print.slice(0, 16).match(/.{4}/g).join('-'));
      assert.deepEqual([entry.state, entry.source, entry.algorithm], [state, source, 'rsa']);
      assert.ok(Date.parse(entry.first_seen) <= Date.parse(entry.last_seen));
      assert.equal(entry.last_ip, '127.0.0.1');
    }
  },

  'the check tells of a key what may be told, sixty times a minute': async (owner) => {
    const token = await owner.world.cyand.signUp('check@example.org');
    const mine = Object.assign(Object.create(owner), { token });
    const device = await foundDevice(mine);
    const check = (json) => mine.ask('POST', `/v1/devices/${device.id}/keys/check`, json);
    const status = async (key) => (await check({ public_key: publicPem(key) })).json.status;
    const announced = newKey(1024);
    const other = await sameDevice(mine, device);
    assert.equal(await status(device.key), 'trusted');
    assert.equal(await status(announced), 'unknown');
    await mine.upload(device.id, announced);
    assert.equal(await status(announced), 'announced');
    await other.goOnline();
    await eventually(async () => (await mine.stateOf(device.id, other.key)) === 'pending');
    assert.equal(await status(other.key), 'pending');
    await mine.must(device.id, other.key, 'deny');
    assert.deepEqual((await check({ fingerprint: printOf(other.key) })).json, { status: 'unknown', since: null });
    for (let asked = 5; asked < 60; asked++) {
      assert.equal((await check({ fingerprint: printOf(device.key) })).status, 200, `${asked}`);
    }
    assert.equal((await check({ fingerprint: printOf(device.key) })).status, 429);
    const foreign = await foundDevice(owner);
    const again = await owner.ask('POST', `/v1/devices/${foreign.id}/keys/check`, { fingerprint: printOf(foreign.key) });
    assert.equal(again.status, 200); // others are not slowed
  },
}, { args: ['--signup'] });
