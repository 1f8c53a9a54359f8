// handshake.test.mjs - the device port against devices that misbehave before they are online.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { describe } from 'node:test';

import * as coap from './lib/coap.mjs';
import { REQUEST_LEN } from './lib/handshake.mjs';
import { encryptionBlock, newKey, rawPublic, spkiOf } from './lib/rsa.mjs';
import { within } from './lib/time.mjs';
import { World } from './lib/world.mjs';

const LOG = { args: ['--log', 'json'] };

// The connection ends and the cloud has not sent a byte behind its nonce.
async function expectClosedWithoutAnswer(device) {
  await device.untilClosed();
  assert.equal(device.bytes.length, 0, 'the cloud sent bytes before it closed');
}

test('the nonce is 40 bytes that differ from one connection to the next', async (t) => {
  const world = await World.start(t);
  const seen = new Set();
  for (let i = 0; i < 20; i++) {
    const device = await world.device({ known: false });
    await device.connect();
    const nonce = await device.receiveNonce();
    assert.equal(device.bytes.length, 0);
    seen.add(nonce.toString('hex'));
    device.close();
  }
  assert.equal(seen.size, 20);
});

test('both generations come online with 214 and with 52 bytes', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  for (const b of [false, true]) {
    for (const short of [false, true]) {
      await device.goOnline({ b, short });
      await world.cyand.untilOnline(device.id);
      device.close();
      await world.cyand.untilOnline(device.id, false);
    }
  }
});

test('a request split at every byte is the same request', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  for (let at = 1; at < REQUEST_LEN; at++) {
    await device.connect();
    await device.receiveNonce();
    const request = device.makeRequest();
    await device.write(request.subarray(0, at));
    await device.write(request.subarray(at));
    assert.equal(await device.receiveAnswer(), true);
    device.close();
  }
  await device.connect();
  await device.receiveNonce();
  await device.writeByteByByte(device.makeRequest());
  assert.equal(await device.receiveAnswer(), true);
});

test('a Hello split at every byte is the same Hello', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  const frameLength = 18;
  for (let at = 1; at < frameLength; at++) {
    assert.equal(await device.handshake(), true);
    const frame = device.sealer.seal(coap.encode({ ...device.hello(), id: 1 }));
    assert.equal(frame.length, frameLength);
    await device.write(frame.subarray(0, at));
    await device.write(frame.subarray(at));
    await device.next((message) => coap.pathOf(message) === 'h');
    device.close();
  }
});

// They wait for the log, which tells of most failures after 10 s only.
describe('before the session,', { concurrency: 4 }, () => {
  test('whatever does not decipher to 52 or 214 bytes with our nonce is closed in silence', async (t) => {
    const world = await World.start(t, LOG);
    const device = await world.device();
    const spki = spkiOf(device.key);
    const message = (nonce) => Buffer.concat([nonce, Buffer.from(device.id, 'hex'), spki]);
    const sealed = (bytes) => rawPublic(device.serverKey, encryptionBlock(bytes, REQUEST_LEN));
    const flipped = (nonce, at) => {
      const other = Buffer.from(nonce);
      other[at] ^= 1;
      return other;
    };
    const requests = [
      () => randomBytes(REQUEST_LEN),
      () => Buffer.alloc(REQUEST_LEN),
      () => Buffer.alloc(REQUEST_LEN, 0xff),
      ...[0, 1, 39, 40, 51, 53, 100, 213, 215, 245].map((length) => (nonce) => {
        const whole = Buffer.concat([message(nonce), Buffer.alloc(60, 1)]);
        return sealed(whole.subarray(0, length));
      }),
      ...[0, 19, 39].map((at) => (nonce) => sealed(message(flipped(nonce, at)))),
      (nonce) => {
        const block = encryptionBlock(message(nonce), REQUEST_LEN);
        block[1] = 1;
        return rawPublic(device.serverKey, block);
      },
      (nonce) => {
        const block = encryptionBlock(message(nonce), REQUEST_LEN);
        block[10] = 0; // the separator too early
        return rawPublic(device.serverKey, block);
      },
    ];
    for (const make of requests) {
      await device.connect();
      await device.write(make(await device.receiveNonce()));
      await expectClosedWithoutAnswer(device);
    }
    await world.untilFailures('not-decipherable', requests.length);
    await device.goOnline();
  });

  test('a request that ends early is closed, wherever it ends', async (t) => {
    const world = await World.start(t, LOG);
    const device = await world.device();
    for (const length of [0, 1, 127, 128, 255]) {
      await device.connect();
      await device.receiveNonce();
      await device.write(device.makeRequest().subarray(0, length));
      device.socket.end();
      await expectClosedWithoutAnswer(device);
    }
    await world.untilFailures('hung-up-after-nonce', 1);
    await world.untilFailures('truncated', 4);
  });

  test('an unknown id, another key, and a damaged key are refused before the answer', async (t) => {
    const world = await World.start(t, { args: [...LOG.args, '--unknown', 'refuse'] });
    const device = await world.device();
    await device.goOnline(); // from now on it is known
    device.close();
    await world.policy({ policy: 'strict' });
    const damaged = (change) => {
      const spki = Buffer.from(spkiOf(device.key));
      change(spki);
      return spki;
    };
    const refused = [
      ['unknown-device', { id: randomBytes(12).toString('hex') }, {}],
      ['unknown-device', { id: randomBytes(12).toString('hex') }, { short: true }],
      ['device-key-mismatch', { key: newKey(1024) }, {}],
      ['device-key-malformed', {}, { spki: damaged((spki) => (spki[156] &= 0xfe)) }],
      ['device-key-malformed', {}, { spki: damaged((spki) => spki.fill(0xff, 29, 157)) }],
      ['device-key-malformed', {}, { spki: damaged((spki) => spki.fill(0, 29, 157)) }],
      ['device-key-malformed', {}, { spki: damaged((spki) => (spki[0] ^= 1)) }],
      ['device-key-malformed', {}, { spki: damaged((spki) => (spki[161] ^= 1)) }],
    ];
    for (const [, other, options] of refused) {
      const stranger = await world.device({ known: false, id: device.id, key: device.key, ...other });
      assert.equal(await stranger.handshake(options), false);
      await expectClosedWithoutAnswer(stranger);
    }
    for (const cause of ['unknown-device', 'device-key-mismatch', 'device-key-malformed']) {
      await world.untilFailures(cause, refused.filter(([wanted]) => wanted === cause).length);
    }
    await device.goOnline();
  });

  test('a device that hangs up after our answer is told apart in the log', async (t) => {
    const world = await World.start(t, LOG);
    const device = await world.device();
    assert.equal(await device.handshake(), true);
    device.socket.end();
    await world.untilFailures('dropped-our-key');
  });
});

test('what is refused closes as late as what does not decipher, and both in silence', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  const malformed = Buffer.from(spkiOf(device.key));
  malformed[156] &= 0xfe; // an even modulus is refused under every policy
  const requests = [() => device.makeRequest({ spki: malformed }), () => randomBytes(REQUEST_LEN)];
  for (const make of [...requests, ...requests]) {
    await device.connect();
    await device.receiveNonce();
    const request = make();
    const start = process.hrtime.bigint();
    await device.write(request);
    await expectClosedWithoutAnswer(device);
    const ms = Number(process.hrtime.bigint() - start) / 1e6;
    assert.ok(ms >= 195, `it closed after ${ms} ms`); // its clock may stand some ms behind
  }
});

test('the request of another connection is closed in silence', async (t) => {
  const world = await World.start(t);
  const first = await world.device();
  await first.connect();
  await first.receiveNonce();
  const stolen = first.makeRequest();
  const second = await world.device({ known: false, id: first.id, key: first.key });
  await second.connect();
  await second.receiveNonce();
  await second.write(stolen);
  await expectClosedWithoutAnswer(second);
});

test('bytes behind the request, before our answer, close the connection', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.connect();
  await device.receiveNonce();
  await device.write(Buffer.concat([device.makeRequest(), Buffer.from([0])]));
  await expectClosedWithoutAnswer(device);
  await device.goOnline();
});

// First messages that are no strict Hello. Each: (device) -> bytes of a frame.
const noHellos = {
  'an event': (d) => seal(d, { code: coap.POST, options: [[coap.PATH, 'E'], [coap.PATH, 'x']] }),
  'a ping': (d) => seal(d, { type: coap.CON, code: 0 }),
  'a Hello with a short payload': (d) => seal(d, { ...d.hello(), payload: Buffer.alloc(7) }),
  'a Hello as GET': (d) => seal(d, { ...d.hello(), code: coap.GET }),
  'a Hello as ACK': (d) => seal(d, { ...d.hello(), type: coap.ACK }),
  'a Hello with two paths': (d) => {
    return seal(d, { ...d.hello(), options: [[coap.PATH, 'h'], [coap.PATH, 'h']] });
  },
  'a Hello of CoAP version 2': (d) => sealBytes(d, (bytes) => (bytes[0] ^= 0xc0)),
  'a Hello with a token length of 15': (d) => sealBytes(d, (bytes) => (bytes[0] |= 0x0f)),
  'a Hello with wrong padding': (d) => {
    const hello = coap.encode({ ...d.hello(), id: 1 });
    return d.sealer.sealBlocks(Buffer.concat([hello, Buffer.alloc(17, 0xee)]).subarray(0, 32));
  },
  'a frame of length 0': () => Buffer.from([0, 0]),
  'a frame of length 8': () => Buffer.concat([Buffer.from([0, 8]), randomBytes(8)]),
  'a frame of length 17': () => Buffer.concat([Buffer.from([0, 17]), randomBytes(17)]),
  'a frame of length 1040': () => Buffer.concat([Buffer.from([4, 16]), randomBytes(1040)]),
  'a frame of length 65520': () => Buffer.concat([Buffer.from([0xff, 0xf0]), randomBytes(1024)]),
};

function seal(device, message) {
  return device.sealer.seal(coap.encode({ type: coap.NON, id: 1, ...message }));
}

function sealBytes(device, change) {
  const bytes = coap.encode({ ...device.hello(), id: 1 });
  change(bytes);
  return device.sealer.seal(bytes);
}

test('a first message that is no strict Hello closes the session and shows nothing', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  const stream = await world.cyand.stream('/v1/devices/events');
  for (const [what, make] of Object.entries(noHellos)) {
    assert.equal(await device.handshake(), true);
    await device.write(make(device));
    await device.untilClosed();
    assert.equal(device.messages.items.length, 0, `${what} was answered`);
  }
  const [listed] = (await world.cyand.get('/v1/devices')).json;
  assert.equal(listed.online, false);
  assert.equal(listed.last_handshake_at ?? null, null);
  await device.goOnline();
  await stream.next((event) => event.name === 'spark/status');
  const told = stream.events.items.map(({ name, data }) => (name === 'spark/status' ? data : name));
  // The alarm, once, and no more before it is online.
  assert.deepEqual(told.slice(0, told.indexOf('online')), ['cyan/handshake/failed']);
});

test('an older session lives until the Hello of a newer one, and not longer', async (t) => {
  const world = await World.start(t);
  const older = await world.device();
  await older.goOnline();
  const newer = await world.device({ known: false, id: older.id, key: older.key });
  assert.equal(await newer.handshake(), true);
  await older.settled(); // still answered
  await newer.send(newer.hello());
  await newer.next((message) => coap.pathOf(message) === 'h');
  await older.untilClosed();
  await newer.settled();
  await world.cyand.untilOnline(older.id);
});

test('a stranger who only knows the id cannot disturb the session of a device', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  await device.goOnline();
  for (let i = 0; i < 20; i++) {
    // The short form is answered, since the id is known; the answer is of no use to him.
    const stranger = await world.device({ known: false, id: device.id });
    await stranger.connect();
    await stranger.receiveNonce();
    await stranger.write(stranger.makeRequest({ short: true }));
    assert.notEqual(await stranger.read(384), null);
    await stranger.write(Buffer.concat([Buffer.from([0, 16]), randomBytes(16)]));
    await stranger.untilClosed();
  }
  await device.settled();
});

test('hundreds of silent sockets do not keep a good device from coming online', async (t) => {
  const world = await World.start(t);
  const silent = [];
  for (let i = 0; i < 400; i++) {
    const device = await world.device({ known: false, key: null });
    silent.push(device);
  }
  await Promise.all(silent.map((device) => device.connect()));
  const good = await world.device();
  await within(3000, 'a good device online', good.goOnline());
  await good.settled();
  assert.equal(silent.filter((device) => device.socket.destroyed).length, 0);
});

test('200 devices that come at once are all online', async (t) => {
  const world = await World.start(t);
  const key = newKey(1024);
  const devices = [];
  for (let i = 0; i < 200; i++) {
    devices.push(await world.device({ key }));
  }
  await Promise.all(devices.map((device) => device.goOnline()));
  const list = (await world.cyand.get('/v1/devices')).json;
  assert.equal(list.filter((device) => device.online).length, 200);
  await Promise.all(devices.map((device) => device.settled()));
});
