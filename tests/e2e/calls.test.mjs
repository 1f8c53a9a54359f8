// calls.test.mjs - variables and functions of a raw device through the API.
import assert from 'node:assert/strict';
import test from 'node:test';

import * as coap from './lib/coap.mjs';
import { World } from './lib/world.mjs';

const BOOL = 1;
const INT = 2;
const STRING = 4;
const DOUBLE = 9;

function double(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function int(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

async function onlineDevice(world, app) {
  const device = await world.device();
  device.app = app;
  await device.goOnline();
  return device;
}

test('variables of every type come as JSON, also strange ones', async (t) => {
  const world = await World.start(t);
  const values = {
    yes: [BOOL, Buffer.from([1]), true],
    no: [BOOL, Buffer.from([0]), false],
    least: [INT, int(-2147483648), -2147483648],
    most: [INT, int(2147483647), 2147483647],
    half: [DOUBLE, double(1.5), 1.5],
    tiny: [DOUBLE, double(5e-324), 5e-324],
    huge: [DOUBLE, double(1.7976931348623157e308), 1.7976931348623157e308],
    tenth: [DOUBLE, double(0.1), 0.1],
    nan: [DOUBLE, double(NaN), null],
    inf: [DOUBLE, double(-Infinity), null],
    text: [STRING, Buffer.from('grün "quoted" \\ \u{1f600}\n\t\u0001'), 'grün "quoted" \\ \u{1f600}\n\t\u0001'],
    empty: [STRING, Buffer.alloc(0), ''],
    long: [STRING, Buffer.alloc(622, 'x'), 'x'.repeat(622)],
    bytes: [STRING, Buffer.from([0x61, 0xff, 0x62, 0xc3]), 'a\ufffdb\ufffd'],
  };
  const variables = {};
  for (const [name, [type, bytes]] of Object.entries(values)) {
    variables[name] = { type, bytes };
  }
  const device = await onlineDevice(world, { variables });
  for (const [name, [, , expected]] of Object.entries(values)) {
    const answer = await world.cyand.get(`/v1/devices/${device.id}/${name}`);
    assert.equal(answer.status, 200, `${name}: ${answer.text}`);
    assert.equal(answer.json.cmd, 'VarReturn');
    assert.equal(answer.json.name, name);
    assert.deepEqual(answer.json.result, expected, name);
    assert.equal(answer.json.coreInfo.deviceID, device.id);
  }
  const raw = await world.cyand.get(`/v1/devices/${device.id}/half?format=raw`);
  assert.equal(raw.text, '1.5');
  assert.match(raw.headers['content-type'], /^text\/plain/);
});

test('a value of the wrong length is an error of the device and not a number', async (t) => {
  const world = await World.start(t);
  const variables = {
    b: { type: BOOL, bytes: Buffer.alloc(2) },
    i: { type: INT, bytes: Buffer.alloc(3) },
    d: { type: DOUBLE, bytes: Buffer.alloc(4) },
  };
  const device = await onlineDevice(world, { variables });
  for (const name of Object.keys(variables)) {
    const answer = await world.cyand.get(`/v1/devices/${device.id}/${name}`);
    assert.ok(answer.status >= 400, `${name}: ${answer.status}`);
    assert.equal(answer.json.ok, false);
  }
  await device.settled();
});

test('functions get their argument and give any result', async (t) => {
  const world = await World.start(t);
  const got = [];
  const functions = {
    echo: (argument) => {
      got.push(argument);
      return Buffer.byteLength(argument);
    },
    least: () => -2147483648,
  };
  const device = await onlineDevice(world, { functions });
  const token = await world.cyand.token();
  const call = (name, options) => {
    return world.cyand.request('POST', `/v1/devices/${device.id}/${name}`, { token, ...options });
  };
  const texts = ['', 'on', 'x'.repeat(12), 'x'.repeat(13), 'x'.repeat(63), 'grün', 'a=b&c=d %20+'];
  for (const text of texts) {
    const asForm = await call('echo', { form: { args: text } });
    assert.equal(asForm.status, 200, asForm.text);
    assert.equal(asForm.json.return_value, Buffer.byteLength(text));
    const asJson = await call('echo', { json: { arg: text } });
    assert.equal(asJson.json.return_value, Buffer.byteLength(text));
    assert.deepEqual(got.splice(0), [text, text]);
  }
  const plain = await call('least');
  assert.equal(plain.json.return_value, -2147483648);
  assert.equal(plain.json.id, device.id);
  assert.equal(plain.json.connected, true);
});

test('what the device did not describe is 404 and never asked of it', async (t) => {
  const world = await World.start(t);
  const variables = { there: { type: INT, bytes: int(1) } };
  const functions = { there: () => 1 };
  const device = await onlineDevice(world, { variables, functions });
  const token = await world.cyand.token();
  for (const name of ['nowhere', 'ther', 'therethere', 'THERE', '%20', 'x'.repeat(200)]) {
    const read = await world.cyand.get(`/v1/devices/${device.id}/${name}`);
    assert.equal(read.status, 404, `${name}: ${read.text}`);
    const called = await world.cyand.request('POST', `/v1/devices/${device.id}/${name}`, { token });
    assert.equal(called.status, 404, `${name}: ${called.text}`);
  }
  const asked = (await device.settled()).map((m) => coap.pathOf(m));
  assert.deepEqual(asked.filter((path) => /^[vf]\//.test(path)), []);
});

test('requests to devices carry exactly one token byte and all their tokens differ', async (t) => {
  const world = await World.start(t);
  const functions = { late: () => undefined };
  const device = await onlineDevice(world, { functions });
  const token = await world.cyand.token();
  const route = `/v1/devices/${device.id}/late`;
  const calls = [];
  for (let i = 0; i < 8; i++) {
    calls.push(world.cyand.request('POST', route, { token, form: { args: `${i}` } }));
  }
  const requests = [];
  for (let i = 0; i < 8; i++) {
    const fits = (m) => coap.pathOf(m) === 'f/late' && coap.queryOf(m).toString() === `${i}`;
    requests.push(await device.next(fits));
  }
  assert.deepEqual(requests.filter((m) => m.token.length !== 1), []);
  assert.equal(new Set(requests.map((m) => m.token[0])).size, 8);
  // Answered backwards, each call gets the result of its own token.
  for (const request of [...requests].reverse()) {
    const payload = int(Number(coap.queryOf(request).toString()) * 10);
    const { token: its } = request;
    await device.send({ type: coap.NON, code: coap.CHANGED, token: its, payload });
  }
  const results = (await Promise.all(calls)).map((answer) => answer.json.return_value);
  assert.deepEqual(results, [0, 10, 20, 30, 40, 50, 60, 70]);
});

test('a device that leaves in the middle of a call is 404 at once, and one that is deaf 408', async (t) => {
  const world = await World.start(t);
  const leaving = await onlineDevice(world, { functions: { go: () => undefined } });
  const token = await world.cyand.token();
  const waiting = world.cyand.request('POST', `/v1/devices/${leaving.id}/go`, { token });
  await leaving.next((m) => coap.pathOf(m) === 'f/go');
  leaving.close();
  const gone = await waiting;
  assert.equal(gone.status, 404);
  assert.equal(gone.json.code, 'DEVICE_OFFLINE');

  const deaf = await onlineDevice(world, { deaf: true });
  const timeout = await world.cyand.request('GET', `/v1/devices/${deaf.id}/x`, { token, ms: 40000 });
  assert.equal(timeout.status, 408);
  assert.equal(timeout.json.error, 'Timed out.');
});

test('a device that answers pings under ids of its own is alive', async (t) => {
  const world = await World.start(t);
  const device = await onlineDevice(world, { foreignIds: true });
  const token = await world.cyand.token();
  const pinged = await world.cyand.request('PUT', `/v1/devices/${device.id}/ping`, { token });
  assert.equal(pinged.status, 200);
  assert.equal(pinged.json.online, true);
  device.close();
  await world.cyand.untilOnline(device.id, false);
  const again = await world.cyand.request('PUT', `/v1/devices/${device.id}/ping`, { token });
  assert.equal(again.json.online, false);
});

test('a device is found by its id in either case and by its name', async (t) => {
  const world = await World.start(t);
  const device = await onlineDevice(world, { functions: { led: () => 7 }, variables: {} });
  const [{ name }] = (await world.cyand.get('/v1/devices')).json;
  for (const segment of [device.id, device.id.toUpperCase(), name, encodeURIComponent(name)]) {
    const answer = await world.cyand.get(`/v1/devices/${segment}`);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.id, device.id);
    assert.equal(answer.json.connected, true);
    assert.deepEqual(answer.json.functions, ['led']);
  }
});
