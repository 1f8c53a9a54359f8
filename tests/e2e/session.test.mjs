// session.test.mjs - a live session of a raw device: what the cloud answers, what it never sends.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';

import * as coap from './lib/coap.mjs';
import { World } from './lib/world.mjs';

const OLD_DEVICE_CODES = [0x00, 0x01, 0x02, 0x03, 0x45];
const events = (messages) => messages.filter((m) => /^[eE]\//.test(coap.pathOf(m)));

test('a confirmable event gets an empty ACK and any other gets nothing', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const before = device.messages.mark;
  const confirmed = await device.publish('sure', 'x', { confirm: true });
  await device.publish('maybe', 'x');
  const ack = await device.ackOf(confirmed);
  assert.equal(ack.code, 0);
  assert.equal(ack.token.length, 0);
  assert.equal(ack.payload.length, 0);
  const after = (await device.settled()).slice(before).filter((m) => m.code !== coap.GET);
  assert.equal(after.length, 2); // that ACK and the one of the ping that settled
});

test('the cloud tells the time with the token of the question', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const question = { type: coap.CON, code: coap.GET, token: Buffer.from([0x25]) };
  const id = await device.send({ ...question, options: [[coap.PATH, 't']] });
  const answer = await device.ackOf(id);
  assert.equal(answer.code, coap.CONTENT);
  assert.deepEqual([...answer.token], [0x25]);
  assert.equal(answer.payload.length, 4);
  assert.ok(Math.abs(answer.payload.readUInt32BE(0) - Date.now() / 1000) < 30);
});

test('subscriptions are acknowledged and choose what comes', async (t) => {
  const world = await World.start(t, { args: ['--signup'] });
  const bea = await world.cyand.signUp('bea@example.org');
  const listener = await world.device();
  const sister = await world.device();
  const stranger = await world.device({ token: bea });
  for (const device of [listener, sister, stranger]) {
    await device.goOnline({ b: true });
  }
  await listener.ackOf(await listener.subscribe('all/'));
  await listener.ackOf(await listener.subscribe('mine/', { mine: true }));
  await listener.ackOf(await listener.subscribe('one/', { device: sister.id.slice(0, 12) }));
  const cases = [
    [sister, 'all/public', { isPublic: true }, true],
    [sister, 'all/private', {}, true], // its owner's own
    [stranger, 'all/strange', { isPublic: true }, true],
    [stranger, 'all/secret', {}, false],
    [sister, 'mine/private', {}, true],
    [sister, 'mine/public', { isPublic: true }, true],
    [stranger, 'mine/strange', { isPublic: true }, false],
    [stranger, 'mine/secret', {}, false],
    [sister, 'one/private', {}, true],
    [stranger, 'one/strange', { isPublic: true }, false],
    [sister, 'none/public', { isPublic: true }, false],
  ];
  for (const [from, name, options] of cases) {
    await from.ackOf(await from.publish(name, 'x', { confirm: true, ...options }));
  }
  await sister.ackOf(await sister.publish('mine/last', 'x', { confirm: true }));
  await stranger.ackOf(await stranger.publish('all/last', 'x', { confirm: true, isPublic: true }));
  await listener.next((m) => coap.pathOf(m) === 'E/mine/last');
  await listener.next((m) => coap.pathOf(m) === 'e/all/last');
  const heard = events(await listener.settled()).map((m) => coap.pathOf(m).slice(2));
  const wanted = cases.filter(([, , , comes]) => comes).map(([, name]) => name);
  assert.deepEqual(heard.filter((name) => !name.endsWith('last')).sort(), [...wanted].sort());
});

test('events to a device have no token and nothing an old device would hang up on', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  const token = await world.cyand.token();
  await device.goOnline();
  await device.ackOf(await device.subscribe('photon/', { mine: true }));
  const publish = (form) => {
    return world.cyand.request('POST', '/v1/devices/events', { token, form });
  };
  const data = 'd'.repeat(255);
  assert.equal((await publish({ name: 'photon/short' })).status, 200);
  assert.equal((await publish({ name: `photon/${'n'.repeat(56)}`, data })).status, 200);
  assert.equal((await publish({ name: 'photon/ttl', data: 'x', ttl: 300 })).status, 200);
  await device.next((m) => coap.pathOf(m).endsWith('photon/ttl'));
  const received = events(await device.settled());
  assert.equal(received.length, 3);
  for (const message of received) {
    assert.equal(message.type, coap.NON);
    assert.equal(message.token.length, 0);
    const numbers = message.options.map(([number]) => number);
    assert.deepEqual(numbers.filter((n) => n !== coap.PATH && n !== coap.MAX_AGE), []);
  }
  assert.equal(received[1].payload.toString(), data);
  for (const message of device.messages.items) {
    assert.ok(OLD_DEVICE_CODES.includes(message.code), `code ${message.code}`);
  }
});

test('a message of an unknown kind is survived and answered with no error code', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  for (let code = 1; code < 256; code += 1) {
    if (code !== coap.POST) {
      await device.send({ type: coap.NON, code, options: [[coap.PATH, 'q']] });
    }
  }
  for (const letter of ['', 'h', 'u', 's', 'c', 'q', 'ee', '\0', 'x'.repeat(300)]) {
    await device.send({ type: coap.CON, code: coap.POST, options: [[coap.PATH, letter]] });
  }
  await device.settled();
  for (const message of device.messages.items) {
    assert.ok(OLD_DEVICE_CODES.includes(message.code), `code ${message.code}`);
  }
});

test('a flipped bit or a reflected frame ends a session at most and never the cloud', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  for (let bit = 0; bit < 18 * 8; bit += 3) {
    await device.goOnline();
    const message = { type: coap.CON, code: coap.POST, id: 9, options: [[coap.PATH, 'e']] };
    const frame = device.sealer.seal(coap.encode({ ...message, payload: 'p' }));
    frame[bit >> 3] ^= 1 << (bit & 7);
    await device.write(Buffer.concat([frame, randomBytes(64)]));
    device.socket.end();
    await device.untilClosed();
  }
  const reflected = [];
  await device.connect();
  device.socket.on('data', (bytes) => reflected.push(bytes));
  await device.receiveNonce();
  await device.write(device.makeRequest());
  await device.receiveAnswer();
  await device.send(device.hello());
  await device.next((m) => coap.pathOf(m) === 'h');
  await device.write(Buffer.concat(reflected));
  await device.untilClosed();
  await device.goOnline();
  await device.settled();
});

test('frames split at every byte are the same frames', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  for (let length = 1; length <= 40; length++) {
    const id = 100 + length;
    const options = [
      [coap.PATH, 'E'],
      [coap.PATH, 'n'.repeat(length)],
    ];
    const message = coap.encode({ type: coap.CON, code: coap.POST, id, options });
    await device.writeByteByByte(device.sealer.seal(message));
    await device.ackOf(id);
  }
});

test('many frames in one write are all answered in their order', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const from = device.messages.mark;
  const frames = [];
  for (let id = 1; id <= 500; id++) {
    frames.push(device.sealer.seal(coap.encode({ type: coap.CON, code: 0, id })));
  }
  await device.write(Buffer.concat(frames));
  await device.ackOf(500, { from });
  const acks = device.messages.items.slice(from).filter((m) => m.type === coap.ACK);
  assert.deepEqual(acks.map((m) => m.id), Array.from({ length: 500 }, (_, i) => i + 1));
});

test('a frame longer than 1024 bytes ends the session', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const options = [
    [coap.PATH, 'E'],
    [coap.PATH, 'n'],
  ];
  const event = (size) => ({ code: coap.POST, options, payload: 'x'.repeat(size) });
  await device.ackOf(await device.send({ ...event(864), type: coap.CON }));
  await device.send({ ...event(1015), type: coap.CON });
  await device.untilClosed();
  await device.goOnline();
});

test('a device that is not heard for 31 seconds is offline, not sooner', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  await device.settled();
  device.app.deaf = true;
  const start = Date.now();
  await device.untilClosed(45000);
  const seconds = (Date.now() - start) / 1000;
  assert.ok(seconds > 29 && seconds < 40, `closed after ${seconds} s`);
  await world.cyand.untilOnline(device.id, false);
});
