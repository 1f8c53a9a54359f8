// faults.test.mjs - what a Photon shows when a key is wrong, for both generations of firmware, with
// and without its public key in the handshake.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { describe } from 'node:test';

import { MAGENTA, ORANGE, RED } from './lib/photon.mjs';
import { freshFolder } from './lib/program.mjs';
import { Proxy } from './lib/proxy.mjs';
import { newKey, spkiOf } from './lib/rsa.mjs';
import { World } from './lib/world.mjs';

// Offsets in the stored keys: P of the fixed-width form, the last byte of the server's modulus.
const DEVICE_KEY_P = 300;
const SERVER_KEY_INSIDE = 100;
const SERVER_KEY_LAST = 288;
const NONCE = 40;

async function newDeviceKey({ cli, photon }) {
  await cli.data('keys', 'new', '--state', photon.state);
}

// Another server's key, sound in itself.
async function foreignServerKey({ t, cli, photon }) {
  const file = path.join(freshFolder(t), 'other.der');
  writeFileSync(file, spkiOf(newKey(2048)));
  await cli.data('keys', 'server', file, '--state', photon.state);
}

// A proxy that changes one byte of the 384 of the cloud's answer, another one each time.
async function changedAnswer({ t, world, cli, photon }, first, last) {
  let turn = 0;
  let target = 0;
  const proxy = await Proxy.start(t, world.cyand.device, {
    toDevice: (bytes, offset) => {
      if (offset === 0) {
        target = NONCE + first + ((turn++ * 37) % (last - first + 1));
      }
      if (target >= offset && target < offset + bytes.length) {
        bytes[target - offset] ^= 0x40;
      }
      return bytes;
    },
  });
  await cli.data('keys', 'address', '--state', photon.state, proxy.address);
}

const faults = [
  {
    what: 'its own key is another one than the cloud knows',
    break: newDeviceKey,
    long: { a: -19, b: 26, color: RED, cause: 'device-key-mismatch' },
    short: { a: 6, b: 6, color: ORANGE, cause: 'dropped-our-key' },
  },
  {
    what: 'a prime of its own key is damaged and the modulus intact',
    args: ['--corrupt', `device-key:${DEVICE_KEY_P}`],
    long: { a: 6, b: 6, color: ORANGE, cause: 'dropped-our-key' },
    short: { a: 6, b: 6, color: ORANGE, cause: 'dropped-our-key' },
  },
  {
    what: "its copy of the cloud's key is another server's",
    break: foreignServerKey,
    long: { a: -19, b: 26, color: RED, cause: 'not-decipherable' },
    short: { a: -19, b: 26, color: RED, cause: 'not-decipherable' },
  },
  {
    what: "a bit inside its copy of the cloud's key is flipped",
    args: ['--corrupt', `server-key:${SERVER_KEY_INSIDE}`],
    long: { a: -19, b: 26, color: RED, cause: 'not-decipherable' },
    short: { a: -19, b: 26, color: RED, cause: 'not-decipherable' },
  },
  {
    what: "its copy of the cloud's modulus is even",
    args: ['--corrupt', `server-key:${SERVER_KEY_LAST}`],
    long: { a: -17028, b: 7, color: RED, cause: 'hung-up-after-nonce' },
    short: { a: -17028, b: 7, color: RED, cause: 'hung-up-after-nonce' },
  },
  {
    what: 'a byte of the signature changes on the way',
    break: (place) => changedAnswer(place, 128, 383),
    long: { a: 8, b: 8, color: MAGENTA, cause: 'dropped-our-key' },
    short: { a: 8, b: 8, color: MAGENTA, cause: 'dropped-our-key' },
  },
  {
    what: 'a byte of the credentials changes on the way',
    break: (place) => changedAnswer(place, 0, 127),
    long: { a: 6, b: 6, color: ORANGE, cause: 'dropped-our-key' },
    short: { a: 6, b: 6, color: ORANGE, cause: 'dropped-our-key' },
  },
];

async function expectFault(t, fault, impl, form) {
  const world = await World.start(t, { args: ['--log', 'json'] });
  const photon = await world.photon({ impl });
  const cli = await world.cli();
  await fault.break?.({ t, world, cli, photon });
  const expected = fault[form];
  photon.start(...(fault.args ?? []), ...(form === 'short' ? ['--short-handshake'] : []));
  // Twice, so that the back-off and the way back to blinking cyan are seen too.
  let from = 0;
  for (let round = 0; round < 2; round++) {
    const failed = await photon.untilFailed({ from });
    assert.equal(failed.code, expected[impl]);
    const flash = await photon.led(expected.color, { from });
    assert.equal(flash.pattern, 'solid');
    from = photon.lines.items.indexOf(flash) + 1;
    const after = await photon.line((line) => line.ev === 'led', { from });
    assert.equal(after.color, '#00FFFF');
    assert.equal(after.pattern, 'blink');
    assert.ok(after.t - flash.t >= 240, `a flash of ${after.t - flash.t} ms`);
  }
  assert.equal(photon.lines.items.some((line) => line.state === 'connected'), false);
  // What has no device is told only after ten seconds, or when the cloud ends.
  if (['not-decipherable', 'hung-up-after-nonce'].includes(expected.cause)) {
    await world.cyand.stop();
  }
  await world.cyand.program.err.find((line) => JSON.parse(line).cause === expected.cause, {
    what: `a line of the log with the cause ${expected.cause}`,
  });
  assert.deepEqual(await photon.stop(), { code: 0, signal: null });
  return { world, photon };
}

// Most of the time of these is back-off, so a few run side by side.
describe('a fault shows', { concurrency: 4 }, () => {
  for (const fault of faults) {
    for (const impl of ['a', 'b']) {
      for (const form of ['long', 'short']) {
        const { color } = fault[form];
        const name = { [RED]: 'red', [ORANGE]: 'orange', [MAGENTA]: 'magenta' }[color];
        const bytes = form === 'long' ? 214 : 52;
        test(`${name} on ${impl} with ${bytes} bytes when ${fault.what}`, async (t) => {
          await expectFault(t, fault, impl, form);
        });
      }
    }
  }
});

test('a Photon with a new key breathes cyan as soon as its owner has sent the key', async (t) => {
  const { world, photon } = await expectFault(t, faults[0], 'a', 'long');
  const cli = await world.cli();
  await cli.data('keys', 'send', '--state', photon.state);
  photon.start();
  await photon.untilBreathingCyan();
});

test('an erased device key is made anew, shown white, and the cloud refuses it', async (t) => {
  const world = await World.start(t);
  const photon = await world.photon({ impl: 'a' });
  photon.start('--corrupt', 'device-key:erase');
  const white = await photon.led('#FFFFFF');
  assert.equal(white.pattern, 'blink');
  const key = await photon.line((line) => line.ev === 'key' && line.what === 'generated');
  assert.match(key.fingerprint, /^[0-9a-f]{64}$/);
  assert.equal((await photon.untilFailed()).code, -19);
  await photon.led(RED);
  // The key stays: the next start loads it and makes no other one.
  await photon.stop();
  photon.start();
  const loaded = await photon.line((line) => line.ev === 'key');
  assert.deepEqual([loaded.what, loaded.fingerprint], ['loaded', key.fingerprint]);
});

test('nobody at the address is three orange blinks and no failed handshake', async (t) => {
  const world = await World.start(t);
  const photon = await world.photon({ impl: 'b' });
  await world.cyand.stop();
  photon.start();
  const orange = await photon.led(ORANGE);
  assert.equal(orange.pattern, 'blink');
  assert.equal(photon.lines.items.some((line) => line.ev === 'handshake'), false);
});

test('an unknown device is refused with red by both generations', async (t) => {
  const world = await World.start(t, { args: ['--log', 'json'] });
  for (const [impl, code] of [['a', -19], ['b', 26]]) {
    const photon = await world.photon({ impl, send: false });
    photon.start();
    assert.equal((await photon.untilFailed()).code, code);
    await photon.led(RED);
    await photon.stop();
  }
  const refused = await world.cyand.program.err.find((line) => line.includes('unknown-device'));
  assert.equal(JSON.parse(refused).cause, 'unknown-device');
});
