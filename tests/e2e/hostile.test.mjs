// hostile.test.mjs - a device of one's own that lies in its answers: the caller gets an error, the
// cloud lives on.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';

import * as coap from './lib/coap.mjs';
import { World } from './lib/world.mjs';

const INT = 2;

async function online(world, app) {
  const device = await world.device();
  device.app = app;
  await device.goOnline({ b: true });
  return device;
}

function int(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

test('a description that is no good gives functions and variables as null and no crash', async (t) => {
  const world = await World.start(t);
  let payload = '';
  const device = await online(world, {
    answers: {
      d: (message, reply) => device.send({ ...reply, code: coap.CONTENT, payload }),
    },
  });
  const descriptions = [
    '', '{', '{}', '[]', 'null', '"x"', '{"f":{},"v":[]}', '{"f":[1,null,{}],"v":{"a":"b","c":99}}',
    `{"f":${'['.repeat(400)}`, `{"f":["${'n'.repeat(600)}"],"v":{}}`, '{"f":["a\\u0000b"],"v":{}}',
    '{"f":["a"],"f":["b"],"v":{"":2}}', Buffer.from('7b2266223a5b22ff225d7d', 'hex'), randomBytes(700),
    '{"f":["a\\"b\\\\c/d"],"v":{"a\\"b":2}}',
  ];
  for (payload of descriptions) {
    const shown = await world.cyand.get(`/v1/devices/${device.id}`);
    assert.ok([200, 404, 408, 502, 503].includes(shown.status), `${payload}: ${shown.status}`);
    assert.equal(typeof shown.json, 'object');
    const read = await world.cyand.get(`/v1/devices/${device.id}/variable`);
    assert.ok(read.status >= 400, `${payload}: ${read.status}`);
    assert.equal(read.json.ok, false);
    // A new session, so that the next description is asked for.
    await device.goOnline({ b: true });
  }
});

test('answers that nobody waits for, or with another token, change nothing', async (t) => {
  const world = await World.start(t);
  const device = await online(world, {
    variables: { good: { type: INT, bytes: int(7) } },
    functions: { wait: () => undefined },
  });
  const token = await world.cyand.token();
  const calling = world.cyand.request('POST', `/v1/devices/${device.id}/wait`, { token });
  const asked = await device.next((m) => coap.pathOf(m) === 'f/wait');
  for (let other = 0; other < 256; other++) {
    if (other !== asked.token[0]) {
      const stray = { code: coap.CHANGED, token: Buffer.from([other]), payload: int(-1) };
      await device.send({ type: coap.NON, ...stray });
      await device.send({ type: coap.ACK, id: asked.id + 1, ...stray });
    }
  }
  await device.send({ type: coap.NON, code: coap.CHANGED, token: Buffer.alloc(8), payload: int(-1) });
  await device.send({ type: coap.RST, code: 0, id: 1 });
  await device.send({ type: coap.NON, code: coap.CHANGED, token: asked.token, payload: int(42) });
  assert.equal((await calling).json.return_value, 42);
  const read = await world.cyand.get(`/v1/devices/${device.id}/good`);
  assert.equal(read.json.result, 7);
});

test('a function that the device refuses, or answers with junk, is an error', async (t) => {
  const world = await World.start(t);
  const results = {
    'a refusal': (reply) => [{ ...reply, code: 0x80, token: '' }],
    'three bytes': (reply) => [{ ...reply, code: 0, token: '' }, result(reply, Buffer.alloc(3))],
    'no bytes': (reply) => [{ ...reply, code: 0, token: '' }, result(reply, '')],
    'an error code': (reply) => [{ ...reply, code: 0, token: '' }, { ...result(reply, int(1)), code: 0xa0 }],
  };
  const result = ({ token }, payload) => ({ type: coap.NON, code: coap.CHANGED, token, payload });
  let make;
  const device = await online(world, {
    functions: { f: () => 1 },
    answers: {
      f: (message, reply) => make(reply).forEach((answer) => device.send(answer)),
    },
  });
  const token = await world.cyand.token();
  for (const [what, answers] of Object.entries(results)) {
    make = answers;
    const answer = await world.cyand.request('POST', `/v1/devices/${device.id}/f`, { token });
    assert.ok(answer.status >= 400 && answer.status < 600, `${what}: ${answer.status}`);
    assert.equal(answer.json.ok, false, what);
  }
  await device.settled();
});

test('a description that comes as a message of its own is taken as well', async (t) => {
  const world = await World.start(t);
  const device = await online(world, {
    functions: { led: () => 3 },
    answers: {
      d: async (message, reply) => {
        await device.send({ ...reply, code: 0, token: '' });
        const payload = device.description();
        await device.send({ type: coap.CON, code: coap.CONTENT, token: message.token, payload });
      },
    },
  });
  const token = await world.cyand.token();
  const called = await world.cyand.request('POST', `/v1/devices/${device.id}/led`, { token });
  assert.equal(called.json.return_value, 3, called.text);
});

test('a flood of events, subscriptions and pings ends at limits and not in the cloud', async (t) => {
  const world = await World.start(t);
  const device = await online(world, {});
  for (let i = 0; i < 200; i++) {
    await device.subscribe(`filter/${i}`, { mine: true });
  }
  for (let i = 0; i < 5000; i++) {
    device.publish(`flood/${i % 100}`, 'x'.repeat(i % 800), { confirm: i % 2 === 0 });
  }
  const good = await online(world, {});
  await good.settled();
  await good.ackOf(await good.publish('after', 'x', { confirm: true }));
  assert.equal((await world.cyand.request('GET', '/healthz')).status, 200);
});

test('junk of every length after the handshake ends that session only', async (t) => {
  const world = await World.start(t);
  const good = await online(world, {});
  const device = await world.device();
  for (let length = 16; length <= 1024; length += 112) {
    await device.goOnline();
    await device.write(Buffer.concat([Buffer.from([length >> 8, length & 255]), randomBytes(length)]));
    device.socket.end();
    await device.untilClosed();
  }
  await good.settled();
});
