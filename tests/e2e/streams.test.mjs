// streams.test.mjs - event streams: their form, who sees what, and that they stay alive.
import assert from 'node:assert/strict';
import test from 'node:test';

import { eventually } from './lib/time.mjs';
import { World } from './lib/world.mjs';

test('a stream begins at once and its events have exactly the known form', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const stream = await world.cyand.stream('/v1/devices/events/temp');
  assert.equal(stream.response.statusCode, 200);
  assert.match(stream.response.headers['content-type'], /^text\/event-stream/);
  assert.equal(stream.response.headers['x-accel-buffering'], 'no');
  assert.match(stream.response.headers['cache-control'], /no-cache|no-store/);
  await eventually(() => stream.text.startsWith(':ok\n\n') && stream, { what: 'the line :ok' });

  await device.publish('temp/inside', '21.5', { ttl: 300 });
  const event = await stream.next(() => true);
  assert.deepEqual(
    [event.name, event.data, event.ttl, event.coreid],
    ['temp/inside', '21.5', 300, device.id],
  );
  assert.match(event.published_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Math.abs(Date.parse(event.published_at) - Date.now()) < 30000);
  const lines = event.raw.split('\n');
  assert.equal(lines[0], 'event: temp/inside');
  assert.match(lines[1], /^data: \{"data":"21\.5","ttl":300,"published_at":"[^"]+","coreid":"[0-9a-f]{24}"\}$/);
  assert.equal(lines.length, 2);
});

test('any bytes of a device come as JSON that holds them as far as text can', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const stream = await world.cyand.stream('/v1/devices/events/x');
  const cases = [
    ['', null],
    ['plain', 'plain'],
    ['"quoted" \\ \n\r\n\t\u0001\u007f', '"quoted" \\ \n\r\n\t\u0001\u007f'],
    ['grün \u{1f600}\u2028', 'grün \u{1f600}\u2028'],
    [Buffer.from([0x61, 0xff, 0x62]), 'a\ufffdb'],
    [Buffer.from([0xc3]), '\ufffd'],
    [Buffer.from([0xed, 0xa0, 0x80]), null], // half a surrogate: some replacement
    [Buffer.from('data: forged\n\nevent: forged\ndata: {}\n\n'), 'data: forged\n\nevent: forged\ndata: {}\n\n'],
    [Buffer.alloc(255, 0), '\0'.repeat(255)],
  ];
  for (const [data, expected] of cases) {
    const from = stream.events.mark;
    await device.publish('x', data);
    const event = await stream.next(() => true, { from });
    assert.equal(event.name, 'x');
    if (expected !== null) {
      assert.equal(event.data, expected);
    }
  }
  assert.equal(stream.events.items[0].data, null);
  assert.equal(stream.events.mark, cases.length);
});

test('each stream sees its own scope and no other', async (t) => {
  const world = await World.start(t, { args: ['--signup'] });
  const bea = await world.cyand.signUp('bea@example.org');
  const mine = await world.device();
  const sister = await world.device();
  const other = await world.device({ token: bea });
  for (const device of [mine, sister, other]) {
    await device.goOnline();
  }
  const routes = {
    all: '/v1/events/n',
    own: '/v1/devices/events/n',
    one: `/v1/devices/${mine.id}/events/n`,
    everything: '/v1/devices/events',
    encoded: '/v1/devices/events/n%2Fdeep',
  };
  const streams = {};
  for (const [name, route] of Object.entries(routes)) {
    streams[name] = await world.cyand.stream(route);
  }
  streams.bea = await world.cyand.stream('/v1/devices/events/n', bea);

  const sent = [
    [mine, 'n/mine-private', false],
    [mine, 'n/mine-public', true],
    [mine, 'n/deep/er', false],
    [sister, 'n/sister-private', false],
    [other, 'n/other-private', false],
    [other, 'n/other-public', true],
    [mine, 'other/name', true],
  ];
  for (const [device, name, isPublic] of sent) {
    await device.ackOf(await device.publish(name, '', { confirm: true, isPublic }));
  }
  for (const device of [mine, sister, other]) {
    await device.publish('n/deep/last', '', { isPublic: true });
  }
  const names = async (stream, count) => {
    let last = 0;
    await stream.next((event) => event.name === 'n/deep/last' && ++last === count);
    const all = stream.events.items.map((event) => event.name);
    return all.filter((name) => /^(n|other)\//.test(name) && name !== 'n/deep/last').sort();
  };
  const own = ['n/deep/er', 'n/mine-private', 'n/mine-public', 'n/sister-private'];
  assert.deepEqual(await names(streams.all, 3), [...own, 'n/other-public'].sort());
  assert.deepEqual(await names(streams.own, 2), own);
  assert.deepEqual(await names(streams.one, 1), ['n/deep/er', 'n/mine-private', 'n/mine-public']);
  assert.deepEqual(await names(streams.everything, 2), [...own, 'other/name'].sort());
  assert.deepEqual(await names(streams.encoded, 2), ['n/deep/er']);
  assert.deepEqual(await names(streams.bea, 1), ['n/other-private', 'n/other-public']);
});

test('the API publishes to the streams and devices of its account, and tells nobody else', async (t) => {
  const world = await World.start(t, { args: ['--signup'] });
  const bea = await world.cyand.signUp('bea@example.org');
  const token = await world.cyand.token();
  const own = await world.cyand.stream('/v1/devices/events');
  const foreign = await world.cyand.stream('/v1/events/secret', bea);
  const listener = await world.device({ token: bea });
  await listener.goOnline();
  await listener.ackOf(await listener.subscribe('secret'));
  const publish = (form, as = token) => {
    return world.cyand.request('POST', '/v1/devices/events', { token: as, form });
  };
  await publish({ name: 'secret/a', data: 'x', private: 'true' });
  await publish({ name: 'secret/b', data: 'y', private: 'false', ttl: 120 });
  const b = await own.next((event) => event.name === 'secret/b');
  assert.deepEqual([b.data, b.ttl], ['y', 120]);
  await own.next((event) => event.name === 'secret/a');
  assert.equal((await foreign.next(() => true)).name, 'secret/b');
  await listener.next((m) => m.payload.toString() === 'y');
  assert.equal((await listener.settled()).some((m) => m.payload.toString() === 'x'), false);
});

test('what a device tells the system is not for streams, and cyan/ is dropped unanswered', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const stream = await world.cyand.stream('/v1/devices/events');
  const quiet = ['spark/hardware/max_binary', 'spark/hardware/ota_chunk_size', 'spark/device/claim/code'];
  for (const name of quiet) {
    await device.publish(name, '1');
  }
  const dropped = await device.publish('cyan/key/approved', 'forged', { confirm: true });
  await device.publish('after', '');
  await stream.next((event) => event.name === 'after');
  assert.deepEqual(stream.events.items.map((event) => event.name), ['after']);
  const acks = (await device.settled()).filter((m) => m.id === dropped && m.type === 2);
  assert.deepEqual(acks, []);
});

test('a quiet stream is kept alive within ten seconds', async (t) => {
  const world = await World.start(t);
  const stream = await world.cyand.stream('/v1/devices/events/nothing');
  await eventually(() => stream.text.startsWith(':ok\n\n') && stream);
  const start = Date.now();
  await eventually(() => stream.text.length > ':ok\n\n'.length && stream, { ms: 12000 });
  assert.ok(Date.now() - start < 11000);
  assert.equal(stream.text.replace(/^:ok\n\n/, '').trim(), '');
});

test('a hundred streams each see every event of a burst, in order', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const streams = [];
  for (let i = 0; i < 100; i++) {
    streams.push(await world.cyand.stream('/v1/devices/events/burst'));
  }
  for (let i = 1; i <= 200; i++) {
    await device.publish('burst', `${i}`);
  }
  const expected = Array.from({ length: 200 }, (_, i) => `${i + 1}`);
  for (const stream of streams) {
    await stream.next((event) => event.data === '200', { ms: 20000 });
    assert.deepEqual(stream.events.items.map((event) => event.data), expected);
  }
});

test('streams that their readers leave, or never read, do not stop the others', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  const good = await world.cyand.stream('/v1/devices/events/x');
  for (let i = 0; i < 50; i++) {
    const stream = await world.cyand.stream('/v1/devices/events/x');
    if (i % 2) {
      stream.close();
    } else {
      stream.response.pause();
    }
  }
  for (let i = 1; i <= 3000; i++) {
    await device.publish('x', `${i} ${'x'.repeat(200)}`);
  }
  await good.next((event) => event.data.startsWith('3000 '), { ms: 20000 });
  assert.equal(good.events.mark, 3000);
});
