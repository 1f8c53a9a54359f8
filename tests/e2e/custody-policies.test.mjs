// custody-policies.test.mjs - who is let in: every policy beside every kind of key, for both
// generations of firmware. The right-hand sides are those of docs/SPEC-custody.md, "Judgement".
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import * as coap from './lib/coap.mjs';
import { foundDevice, isFull, kinds, printOf, sameDevice, withOneCloud } from './lib/custody.mjs';
import { newKey } from './lib/rsa.mjs';
import { SECOND } from './lib/time.mjs';

// absent would take ten minutes; which of the others count differs by generation.
const policies = {
  strict: () => ({ policy: 'strict' }),
  quarantine: () => ({ policy: 'quarantine' }),
  heal: (b) => ({ policy: 'heal', familiar: { absent: false, module: b } }),
  window: (b, id) => ({ policy: 'enroll', ids: [id] }),
};

const refused = (state, ...events) => ({ session: 'none', state, events });
const full = (...events) => ({ session: 'full', state: 'trusted', events });
const held = (state, ...events) => ({ session: 'held', state, events });
const changed = (via) => ['cyan/key/changed', via];
const MISMATCH = ['cyan/key/mismatch', null];
const FAILED = ['cyan/handshake/failed', null];
const PENDING = ['cyan/key/pending', null];
const CLONE = ['cyan/key/clone', null];
// The key that comes back is trusted again, and the one that had replaced it waits.
const RETURNED = { ...full(['cyan/key/reverted', 'return']), contender: true };

// (b) -> what comes of it. pending is told once in ten minutes: not again to one that was pending.
const HELD_HEAL = (b) => (b ? full(PENDING, changed('heal')) : full(changed('heal')));
const table = {
  strict: {
    trusted: full(),
    announced: full(changed('proof')),
    new: refused('none', MISMATCH),
    pending: refused('pending', MISMATCH),
    denied: refused('denied'),
    revoked: refused('revoked', FAILED),
    'retired by a human': refused('retired', MISMATCH),
    'retired by a window': refused('retired', MISMATCH),
    malformed: refused('none', FAILED),
  },
  quarantine: {
    trusted: full(),
    announced: full(changed('proof')),
    new: held('pending', PENDING),
    pending: held('pending'),
    denied: refused('denied'),
    revoked: refused('revoked', FAILED),
    'retired by a human': held('retired', CLONE),
    'retired by a window': RETURNED,
    malformed: refused('none', FAILED),
  },
  heal: {
    trusted: full(),
    announced: full(changed('proof')),
    new: HELD_HEAL,
    pending: () => full(changed('heal')),
    denied: refused('denied'),
    revoked: refused('revoked', FAILED),
    'retired by a human': held('retired', CLONE),
    'retired by a window': RETURNED,
    malformed: refused('none', FAILED),
  },
  window: {
    trusted: full(),
    announced: full(changed('proof')),
    new: full(changed('enroll')),
    pending: full(changed('enroll')),
    denied: refused('denied'),
    revoked: refused('revoked', FAILED),
    'retired by a human': held('retired', CLONE),
    'retired by a window': RETURNED,
    malformed: refused('none', FAILED),
  },
};

const CLOSE_MS = 199; // refusals take 200 ms or more, whatever their reason

async function expectRefused(device) {
  await device.connect();
  await device.receiveNonce();
  const start = performance.now();
  await device.write(device.makeRequest({ spki: device.spki }));
  await device.untilClosed(2 * SECOND);
  const took = performance.now() - start;
  assert.ok(took >= CLOSE_MS, `closed after ${took} ms`);
  assert.equal(device.bytes.length, 0, 'bytes came before the close');
}

// What the device object, the list of keys and the wire say of the one that is let in.
async function expectLetIn(owner, device, expected) {
  const { id } = device;
  await owner.untilSession(id, expected.session);
  const isOnline = expected.session === 'full';
  assert.equal(await isFull(device), isOnline);
  const seen = await owner.describe(id);
  assert.deepEqual([seen.online, seen.connected], [isOnline, isOnline]);
  const waits = expected.state === 'pending' || expected.contender;
  assert.equal(seen.key_state, waits ? 'pending' : 'trusted');
  const entry = await owner.key(id, device.key);
  assert.deepEqual([entry.session, entry.online], [expected.session, isOnline]);
}

async function expectEvents(owner, device, expected, from) {
  const { id } = device;
  await owner.changesAre(id, expected.events.map(([name]) => name), from);
  for (const [i, event] of owner.changes(id, from).entries()) {
    const data = JSON.parse(event.data);
    const [, via] = expected.events[i];
    const keys = ['v', 'seq', 'device', 'old', 'new', 'cause', 'via', 'by', 'at', 'head'];
    assert.deepEqual(Object.keys(data), keys);
    assert.deepEqual([data.v, data.device, data.via, data.by], [1, id, via, null]);
    assert.match(data.head, /^[0-9a-f]{64}$/);
    if (!device.spki && event.name !== 'cyan/handshake/failed') {
      assert.equal(data.new, printOf(device.key));
    }
  }
  assert.deepEqual(owner.statuses(id, from), expected.session === 'full' ? ['online'] : []);
}

// The cause that the incident must have; nothing where there is none to be.
function causeOf(policy, kind, b) {
  if (kind === 'revoked' || kind === 'malformed') {
    return `device-key-${kind}`;
  }
  if (kind.startsWith('retired')) {
    const isClone = policy !== 'strict' && kind === 'retired by a human';
    return isClone ? 'clone' : policy === 'strict' ? 'device-key-mismatch' : null;
  }
  const isHeld = policy === 'quarantine' || (policy === 'heal' && b && kind === 'new');
  return ['new', 'pending'].includes(kind) && (policy === 'strict' || isHeld) ? 'device-key-mismatch' : null;
}

async function expectIncident(owner, device, cause, isProven) {
  const answer = await owner.ask('GET', `/v1/incidents?device=${device.id}&cause=${cause}`);
  const presented = device.spki ? createHash('sha256').update(device.spki).digest('hex') : printOf(device.key);
  const [incident] = answer.json.incidents.filter((found) => found.presented === presented);
  assert.ok(incident, `no incident ${cause}: ${answer.text}`);
  assert.deepEqual([incident.device, incident.address], [device.id, '127.0.0.1']);
  assert.equal(incident.proven || !isProven, true);
}

async function expectRow(owner, policy, kind, b) {
  const entry = table[policy][kind];
  const expected = typeof entry === 'function' ? entry(b) : entry;
  const first = await foundDevice(owner);
  const device = await kinds[kind](owner, first);
  await owner.policy(first.id, policies[policy](b, first.id));
  await owner.settled();
  const from = owner.stream.events.mark;
  if (expected.session === 'none') {
    await expectRefused(device);
  } else {
    await device.goOnline({ b });
    await expectLetIn(owner, device, expected);
  }
  if (kind !== 'malformed') {
    assert.equal(await owner.stateOf(device.id, device.key), expected.state);
  }
  await expectEvents(owner, device, expected, from);
  const cause = causeOf(policy, kind, b);
  if (cause) {
    await expectIncident(owner, device, cause, expected.session !== 'none');
  }
  const { keys } = await owner.keys(device.id);
  assert.equal(keys.filter((key) => key.state === 'trusted').length, 1);
}

for (const policy of Object.keys(table)) {
  const rows = {};
  for (const kind of Object.keys(table[policy])) {
    for (const b of [false, true]) {
      const name = `a key that is ${kind} is judged by the book on ${b ? 'b' : 'a'}`;
      rows[name] = (owner) => expectRow(owner, policy, kind, b);
    }
  }
  withOneCloud(`under the policy ${policy}`, rows);
}

const short = {
  'the two keys take turns while one of them is dropped by the device': async (owner) => {
    const device = await foundDevice(owner);
    await owner.upload(device.id, newKey(1024));
    const tries = [];
    for (let i = 0; i < 4 && tries.at(-1) !== true; i++) {
      await device.connect();
      await device.receiveNonce();
      await device.write(device.makeRequest({ short: true }));
      tries.push(await device.receiveAnswer().catch(() => false));
      if (!tries.at(-1)) {
        device.socket.end(); // it cannot decipher the credentials
        await device.untilClosed();
      }
    }
    assert.deepEqual(tries, [false, true]);
    await device.send(device.hello());
    await device.next((message) => coap.pathOf(message) === 'h');
    assert.equal(await isFull(device), true);
    assert.equal(await owner.stateOf(device.id, device.key), 'trusted');
  },
  'an unknown id is refused unless its key was uploaded': async (owner) => {
    const stranger = await owner.world.device({ known: false });
    assert.equal(await stranger.handshake({ short: true }), false);
    await owner.upload(stranger.id, stranger.key);
    await stranger.goOnline({ short: true });
    assert.equal(await isFull(stranger), true);
  },
};

for (const policy of Object.keys(policies)) {
  short[`the trusted key is used under ${policy}, and the announced one first`] = async (owner) => {
    const device = await foundDevice(owner);
    await owner.policy(device.id, policies[policy](false, device.id));
    await device.goOnline({ short: true });
    assert.equal(await isFull(device), true);
    device.close();
    const other = await sameDevice(owner, device);
    await owner.upload(device.id, other.key);
    await other.goOnline({ short: true });
    assert.equal(await isFull(other), true);
    assert.equal(await owner.stateOf(device.id, other.key), 'trusted');
    assert.equal(await owner.stateOf(device.id, device.key), 'retired');
  };
  short[`a device without a key that counts is refused under ${policy}`] = async (owner) => {
    const device = await foundDevice(owner);
    await owner.must(device.id, device.key, 'revoke');
    await owner.policy(device.id, policies[policy](false, device.id));
    await device.connect();
    await device.receiveNonce();
    await device.write(device.makeRequest({ short: true }));
    await device.untilClosed();
    assert.equal(device.bytes.length, 0);
    assert.equal((await owner.describe(device.id)).key_state, 'revoked');
  };
}

withOneCloud('with 52 bytes', short);

withOneCloud('the routes of policies', {
  'show the policy that counts, where it comes from, and what is below a window': async (owner) => {
    const { id } = await foundDevice(owner);
    const shown = async () => (await owner.ask('GET', `/v1/devices/${id}/key-policy`)).json;
    const seen = async () => {
      const { policy, from, base, ids } = await shown();
      return [policy, from, base, ids];
    };
    assert.deepEqual(await seen(), ['quarantine', 'default', 'quarantine', null]);
    await owner.world.policy({ policy: 'strict' });
    assert.deepEqual(await seen(), ['strict', 'account', 'strict', null]);
    await owner.policy(id, { policy: 'heal', networks: ['10.0.0.0/8'], familiar: { module: false } });
    assert.deepEqual(await seen(), ['heal', 'device', 'heal', null]);
    const heal = await shown();
    assert.deepEqual(heal.networks, ['10.0.0.0/8']);
    assert.deepEqual(heal.familiar, { absent: true, firmware: true, module: false, address: true });
    await owner.policy(id, { policy: 'enroll', ids: [id], for: 60 });
    assert.deepEqual(await seen(), ['enroll', 'device', 'heal', [id]]);
    const left = Date.parse((await shown()).until) - Date.now();
    assert.ok(left > 0 && left <= 60000, `${left} ms`);
    const close = () => owner.ask('DELETE', `/v1/devices/${id}/key-policy`);
    assert.equal((await close()).status, 200);
    assert.deepEqual(await seen(), ['heal', 'device', 'heal', null]);
    assert.equal((await close()).status, 200);
    assert.deepEqual(await seen(), ['strict', 'account', 'strict', null]);
    await owner.ask('DELETE', '/v1/user/key-policy');
    assert.deepEqual(await seen(), ['quarantine', 'default', 'quarantine', null]);
  },

  'refuse what is no policy': async (owner) => {
    const { id } = await foundDevice(owner);
    const bad = [
      {}, { policy: 'none' }, { policy: 7 }, { policy: 'enroll' }, { policy: 'enroll', ids: [] },
      { policy: 'enroll', ids: ['f'.repeat(24)] }, { policy: 'enroll', ids: [id], for: -1 },
      { policy: 'enroll', ids: [id], until: 'soon' }, { policy: 'enroll', ids: [id], until: '2020-01-01T00:00:00Z' },
      { policy: 'heal', networks: ['everywhere'] }, { policy: 'heal', familiar: { smell: true } },
    ];
    for (const change of bad) {
      const answer = await owner.ask('PUT', `/v1/devices/${id}/key-policy`, change);
      assert.equal(answer.status, 400, JSON.stringify(change));
    }
    assert.equal((await owner.ask('PUT', '/v1/products/1/key-policy', { policy: 'strict' })).status, 501);
  },
});
