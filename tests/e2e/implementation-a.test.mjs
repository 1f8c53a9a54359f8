// implementation-a.test.mjs - old firmware loses a byte when a read ends inside a length: what the
// cloud writes never lets that happen, and the virtual Photon shows that it would.
import assert from 'node:assert/strict';
import test from 'node:test';

import { ANSWER_LEN, NONCE_LEN } from './lib/handshake.mjs';
import { Proxy } from './lib/proxy.mjs';
import { World } from './lib/world.mjs';

const FRAME_MAX = 768;
const BEFORE_FRAMES = NONCE_LEN + ANSWER_LEN;

async function publishMany(world, count, size) {
  const token = await world.cyand.token();
  for (let i = 1; i <= count; i++) {
    const form = { name: 'photon/many', data: `${i} ${'x'.repeat(size)}` };
    const answer = await world.cyand.request('POST', '/v1/devices/events', { token, form });
    assert.equal(answer.status, 200);
  }
}

// Every segment that came from the cloud ends where a frame ends.
function expectWholeFrames(segments) {
  const bytes = Buffer.concat(segments);
  const ends = new Set([NONCE_LEN, BEFORE_FRAMES]);
  let at = BEFORE_FRAMES;
  while (at < bytes.length) {
    at += 2 + bytes.readUInt16BE(at);
    ends.add(at);
  }
  let seen = 0;
  for (const segment of segments) {
    seen += segment.length;
    assert.ok(ends.has(seen), `a segment ends at ${seen}, inside a frame`);
  }
}

for (const impl of ['a', 'b']) {
  test(`a Photon of implementation ${impl} hears hundreds of events without losing its session`, async (t) => {
    const world = await World.start(t);
    const proxy = await Proxy.start(t, world.cyand.device);
    const photon = await world.photon({ impl, address: proxy.address });
    photon.start();
    await photon.untilBreathingCyan();
    await world.cyand.untilOnline(photon.id);
    await Promise.all([0, 20, 100, 255].map((size) => publishMany(world, 100, size)));
    const heard = () => photon.lines.items.filter((line) => line.name === 'photon/many').length;
    await photon.line(() => heard() === 400, { what: '400 events' });
    assert.equal(photon.lines.items.some((line) => line.state === 'disconnected'), false);
    assert.equal(proxy.connections.length, 1);
    expectWholeFrames(proxy.connections[0].fromServer);
  });
}

test('to a device that may be an old one no frame is longer than 768 bytes and no write cuts one', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.handshake();
  const segments = [];
  device.socket.on('data', (bytes) => segments.push(bytes));
  await device.send(device.hello());
  await device.subscribe('photon/', { mine: true });
  await device.settled();
  await Promise.all([0, 20, 100, 255].map((size) => publishMany(world, 50, size)));
  const events = () => device.messages.items.filter((m) => m.options.length > 1).length;
  await device.next(() => events() >= 200, { what: '200 events' });
  let frames = Buffer.alloc(0);
  for (const segment of segments) {
    frames = Buffer.concat([frames, segment]);
    while (frames.length >= 2 && frames.length >= 2 + frames.readUInt16BE(0)) {
      const length = frames.readUInt16BE(0);
      assert.ok(length % 16 === 0 && length <= FRAME_MAX);
      frames = frames.subarray(2 + length);
    }
    assert.equal(frames.length, 0, 'a segment ends inside a frame');
  }
});

// The first byte of a length goes out alone; the rest follows when the device has sent something,
// so it has surely read that byte by then.
async function splitInsideALength(t, impl) {
  const world = await World.start(t);
  let split = false;
  let held = null;
  const proxy = await Proxy.start(t, world.cyand.device, {
    toDevice: (bytes) => {
      if (!split) {
        return bytes;
      }
      if (held) {
        held = Buffer.concat([held, bytes]);
        return [];
      }
      held = bytes.subarray(1);
      return bytes.subarray(0, 1);
    },
    toServer: (bytes) => {
      if (held) {
        proxy.connections[0].device.write(held);
        held = null;
        split = false;
      }
      return bytes;
    },
  });
  const photon = await world.photon({ impl, address: proxy.address });
  photon.start();
  await photon.untilBreathingCyan();
  await world.cyand.untilOnline(photon.id);
  const stream = await world.cyand.stream(`/v1/devices/${photon.id}/events/tick`);
  await photon.line((line) => line.name === 'tick');
  split = true;
  const from = photon.lines.mark;
  const token = await world.cyand.token();
  const form = { name: 'photon/split', data: 'x' };
  await world.cyand.request('POST', '/v1/devices/events', { token, form });
  await stream.next((event) => event.name === 'tick', { from: stream.events.mark, ms: 20000 });
  return photon.line(
    (line) => line.name === 'photon/split' || line.state === 'disconnected',
    { from, ms: 40000, what: 'the event, or the end of the session' },
  );
}

test('split inside a length, implementation a loses its session', async (t) => {
  assert.equal((await splitInsideALength(t, 'a')).state, 'disconnected');
});

test('split inside a length, implementation b hears the event', async (t) => {
  assert.equal((await splitInsideALength(t, 'b')).name, 'photon/split');
});
