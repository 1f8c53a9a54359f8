// custody-held.test.mjs - what a held session gets and does not get, and how it becomes full in
// place: docs/SPEC-custody.md, "Held sessions".
import assert from 'node:assert/strict';

import * as coap from './lib/coap.mjs';
import { USER } from './lib/cyand.mjs';
import { foundDevice, isFull, printOf, sameDevice, withOneCloud } from './lib/custody.mjs';
import { SECOND, eventually } from './lib/time.mjs';

const PROMOTION_MS = 1 * SECOND;
const SUBSCRIPTIONS = 16;
const SYSTEM_EVENTS = 8;

const fromCloud = (device, letter) => device.messages.items.filter((message) => {
  return message.code !== 0 && coap.pathOf(message).split('/')[0] === letter;
});

// A known device that has come with another key, and is held.
async function heldDevice(owner) {
  const device = await foundDevice(owner);
  const other = await sameDevice(owner, device);
  await other.goOnline();
  await owner.untilSession(device.id, 'held');
  await owner.change(device.id, 'cyan/key/pending');
  return other;
}

function say(owner, name, data = 'x') {
  return owner.ask('POST', '/v1/devices/events', { name, data, private: true });
}

// Becomes full without a new connection, within a second: an event reaches it by a subscription
// that it made while it was held.
async function expectPromoted(owner, device, promote) {
  const { socket } = device;
  await device.ackOf(await device.subscribe('go/', { mine: true }));
  const from = owner.stream.events.mark;
  await promote();
  const start = performance.now();
  await owner.untilSession(device.id, 'full');
  await say(owner, `go/${device.id}`);
  await device.next((message) => coap.pathOf(message) === `E/go/${device.id}`);
  const took = performance.now() - start;
  assert.ok(took < PROMOTION_MS * Number(process.env.CYAN_SLOW ?? 1), `full after ${took} ms`);
  assert.equal(device.socket, socket);
  assert.equal(await isFull(device), true);
  const seen = await owner.describe(device.id);
  assert.deepEqual([seen.online, seen.session, seen.key_state], [true, 'full', 'trusted']);
  assert.equal(await owner.stateOf(device.id, device.key), 'trusted');
  await owner.settled();
  assert.deepEqual(owner.statuses(device.id, from), ['online']);
}

withOneCloud('a held session', {
  'loses its confirmable events without an ACK, and the others too': async (owner) => {
    const device = await heldDevice(owner);
    const id = await device.publish('my/data', 'x', { confirm: true });
    await device.publish('my/data', 'y');
    await device.publish('my/data', 'z', { isPublic: true });
    const messages = await device.settled();
    assert.equal(messages.some((m) => m.type === coap.ACK && m.id === id), false);
    await owner.settled();
    const told = owner.stream.events.items.filter((event) => event.coreid === device.id);
    assert.equal(told.some((event) => event.name === 'my/data'), false);
    await owner.must(device.id, device.key, 'approve');
    await owner.untilSession(device.id, 'full');
    await owner.settled();
    const later = owner.stream.events.items.filter((event) => event.name === 'my/data');
    assert.deepEqual(later.filter((event) => event.coreid === device.id), []);
  },

  'has its system events acknowledged, and shown once it is full, before it is online': async (owner) => {
    const device = await heldDevice(owner);
    const from = owner.stream.events.mark;
    const names = ['spark/device/last_reset', 'particle/one', 'spark/two'];
    for (const name of names) {
      await device.ackOf(await device.publish(name, 'said', { confirm: true }));
    }
    await owner.settled();
    const told = () => owner.stream.events.items.slice(from).filter((event) => event.coreid === device.id);
    assert.deepEqual(told(), []);
    await owner.must(device.id, device.key, 'approve');
    await owner.untilSession(device.id, 'full');
    await owner.settled();
    const shown = told().map((event) => event.name);
    assert.deepEqual(shown.filter((name) => names.includes(name)), names);
    assert.ok(shown.indexOf('spark/status') > shown.indexOf('spark/two'), shown.join(' '));
  },

  'gets the time and the answers to its pings': async (owner) => {
    const device = await heldDevice(owner);
    const token = Buffer.from([7]);
    const options = [[coap.PATH, 't']];
    const id = await device.send({ type: coap.CON, code: coap.GET, token, options });
    const answer = await device.ackOf(id);
    assert.ok(Math.abs(answer.payload.readUInt32BE(0) - Date.now() / 1000) < 30);
    await device.ackOf(await device.ping());
  },

  'is asked what it is when the policy needs that, and by nobody else': async (owner) => {
    const device = await heldDevice(owner);
    await device.settled();
    assert.equal(fromCloud(device, 'd').length, 0);
    device.app.answers = { d: () => {} }; // it never tells
    await owner.policy(device.id, { policy: 'heal', familiar: { absent: false } });
    await device.next((message) => coap.pathOf(message) === 'd');
    assert.equal(await isFull(device), false);
    assert.equal((await owner.describe(device.id)).session, 'held');
  },

  'gets no calls, and who calls is told that it is held': async (owner) => {
    const device = await heldDevice(owner);
    const { id } = device;
    const calls = [
      ['POST', `/v1/devices/${id}/fn`, { arg: 'x' }],
      ['GET', `/v1/devices/${id}/variable`],
      ['PUT', `/v1/devices/${id}`, { signal: 1 }],
    ];
    for (const [method, route, json] of calls) {
      const answer = await owner.ask(method, route, json);
      assert.equal(answer.status, 404, `${method} ${route}: ${answer.text}`);
      assert.equal(answer.json.code, 'DEVICE_HELD');
      assert.equal(answer.json.error, 'The device is held: key pending.');
    }
    await device.settled();
    for (const letter of ['f', 'v', 's', 'E', 'e']) {
      assert.equal(fromCloud(device, letter).length, 0, letter);
    }
  },

  'gets no events by the subscriptions that it makes': async (owner) => {
    const device = await heldDevice(owner);
    await device.ackOf(await device.subscribe('kept/'));
    await say(owner, 'kept/early');
    await owner.settled();
    await device.settled();
    assert.equal(fromCloud(device, 'E').length + fromCloud(device, 'e').length, 0);
  },

  'shows a signal when its key is named, and that of another key shows none': async (owner) => {
    const device = await heldDevice(owner);
    const put = (signal, key) => owner.ask('PUT', `/v1/devices/${device.id}`, { signal, key });
    assert.equal((await put(1, printOf(device.key))).status, 200);
    const on = await device.next((message) => coap.pathOf(message) === 's');
    assert.equal(on.code, coap.PUT);
    assert.equal(coap.queryOf(on)?.[0], 1);
    assert.equal((await put(0, printOf(device.key))).status, 200);
    const none = await put(1, '0'.repeat(64));
    assert.equal(none.status, 404, none.text);
    assert.equal((await put(1, 'short')).status, 400);
    await device.settled();
    assert.equal(fromCloud(device, 's').length, 2);
  },

  'is reset when its key is named': async (owner) => {
    const device = await heldDevice(owner);
    const json = { reset: 'safe mode', key: printOf(device.key) };
    assert.equal((await owner.ask('PUT', `/v1/devices/${device.id}`, json)).status, 200);
    const told = await device.next((m) => coap.pathOf(m) === 'E/spark/device/reset');
    assert.equal(told.payload.toString(), 'safe mode');
  },

  'leaves the record of the device as it was': async (owner) => {
    const device = await foundDevice(owner);
    const before = await owner.describe(device.id);
    const other = await sameDevice(owner, device);
    await other.handshake();
    const hello = other.hello();
    hello.payload.writeUInt16BE(77, 0); // another product
    hello.payload.writeUInt16BE(88, 2); // and version
    await other.send(hello);
    await other.next((message) => coap.pathOf(message) === 'h');
    await owner.untilSession(device.id, 'held');
    const held = await owner.describe(device.id);
    assert.deepEqual([held.online, held.connected, held.key_state], [false, false, 'pending']);
    for (const field of ['name', 'product_id', 'platform_id', 'firmware_version', 'last_handshake_at', 'last_ip_address']) {
      assert.deepEqual(held[field], before[field], field);
    }
    const [listed] = (await owner.ask('GET', '/v1/devices')).json.filter((d) => d.id === device.id);
    assert.deepEqual([listed.online, listed.session, listed.key_state], [false, 'held', 'pending']);
  },

  'of another platform than the device is no proof at all': async (owner) => {
    const device = await foundDevice(owner);
    const other = await sameDevice(owner, device);
    await other.handshake();
    await other.send(other.hello({ platform: 10 }));
    await other.untilClosed();
    assert.equal(other.messages.items.length, 0);
    assert.equal(await owner.stateOf(device.id, other.key), 'none');
  },

  'gives way to a newer one with the same key': async (owner) => {
    const device = await heldDevice(owner);
    const again = await sameDevice(owner, device, device.key);
    await again.goOnline();
    await device.untilClosed();
    assert.equal(await isFull(again), false);
    await owner.changesAre(device.id, ['cyan/key/changed', 'cyan/key/pending']);
  },
});

withOneCloud('a held session becomes full in place', {
  'by approval, which says that it takes effect now': async (owner) => {
    const device = await heldDevice(owner);
    await expectPromoted(owner, device, async () => {
      const answer = await owner.must(device.id, device.key, 'approve', { via: 'blink' });
      assert.deepEqual([answer.state, answer.takes_effect], ['trusted', 'now']);
    });
    const told = await owner.change(device.id, 'cyan/key/approved');
    assert.deepEqual([told.via, told.new], ['blink', printOf(device.key)]);
  },

  'by an upload of that very key': async (owner) => {
    const device = await heldDevice(owner);
    const from = owner.stream.events.mark;
    await expectPromoted(owner, device, () => owner.upload(device.id, device.key));
    const told = await owner.change(device.id, 'cyan/key/changed', from);
    assert.deepEqual([told.via, told.by], ['upload', USER]);
  },

  'by a policy that heals, once it is familiar': async (owner) => {
    const device = await heldDevice(owner);
    await expectPromoted(owner, device, () => {
      return owner.policy(device.id, { policy: 'heal', familiar: { absent: false } });
    });
    await owner.settled();
    assert.deepEqual(owner.changes(device.id).map((e) => e.name).slice(-1), ['cyan/key/changed']);
  },

  'by a window': async (owner) => {
    const device = await heldDevice(owner);
    await expectPromoted(owner, device, () => owner.window(device.id));
    const policy = (await owner.keys(device.id)).policy;
    assert.equal(policy.value, 'quarantine'); // it has served its only id
  },

  'beside a kept list that was filled to its end': async (owner) => {
    const device = await heldDevice(owner);
    for (let i = 1; i < SUBSCRIPTIONS; i++) {
      await device.ackOf(await device.subscribe(`many/${i}`));
    }
    for (let i = 0; i < SYSTEM_EVENTS; i++) {
      await device.ackOf(await device.publish(`spark/${i}`, 'x', { confirm: true }));
    }
    await expectPromoted(owner, device, () => owner.must(device.id, device.key, 'approve'));
  },

  'or is closed when a kept list has overflowed, and comes back full': async (owner) => {
    const overflows = [
      (device) => device.subscribe('more/'),
      (device) => device.publish('spark/more', 'x', { confirm: true }),
    ];
    for (const overflow of overflows) {
      const device = await heldDevice(owner);
      for (let i = 0; i < SUBSCRIPTIONS; i++) {
        await device.ackOf(await device.subscribe(`many/${i}`));
      }
      for (let i = 0; i < SYSTEM_EVENTS; i++) {
        await device.ackOf(await device.publish(`spark/${i}`, 'x', { confirm: true }));
      }
      await overflow(device);
      await device.settled();
      await owner.must(device.id, device.key, 'approve');
      await device.untilClosed();
      await device.goOnline();
      assert.equal(await isFull(device), true);
      await owner.untilSession(device.id, 'full');
    }
  },

  'and the full session that it replaces is closed': async (owner) => {
    const old = await foundDevice(owner);
    await old.goOnline();
    const device = await sameDevice(owner, old);
    await device.goOnline();
    assert.equal(await isFull(old), true);
    const from = owner.stream.events.mark;
    await owner.must(old.id, device.key, 'approve');
    await old.untilClosed();
    await eventually(() => isFull(device), { what: 'the approved key full' });
    await owner.settled();
    assert.deepEqual(owner.statuses(old.id, from).at(-1), 'online');
    assert.equal((await owner.describe(old.id)).online, true);
    assert.equal(await owner.stateOf(old.id, old.key), 'retired');
  },
});
