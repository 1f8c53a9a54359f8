// road.test.mjs - the whole road as a user walks it, for both generations of firmware.
import assert from 'node:assert/strict';
import test from 'node:test';

import { World } from './lib/world.mjs';

for (const impl of ['a', 'b']) {
  test(`a Photon of implementation ${impl} breathes cyan and answers from the command line`, async (t) => {
    const world = await World.start(t);
    const cli = await world.cli();
    const photon = await world.photon({ impl });
    photon.start();
    await photon.untilBreathingCyan();
    await world.cyand.untilOnline(photon.id);

    const [listed] = await cli.data('list');
    assert.equal(listed.id, photon.id);
    assert.equal(listed.online, true);

    const get = async (name) => (await cli.data('get', photon.id, name)).result;
    assert.equal(typeof (await get('temp')), 'number');
    assert.equal(Number.isInteger(await get('count')), true);
    assert.equal(await get('name'), 'virtual photon');
    assert.equal(await get('on'), false);

    const call = async (...args) => (await cli.data('call', photon.id, ...args)).return_value;
    assert.equal(await call('led', 'on'), 1);
    assert.equal(await get('on'), true);
    assert.equal(await call('add', '40,2'), 42);
    assert.equal(await call('led', 'purple'), -1);
    assert.equal(await call('led'), -1);
  });

  test(`events go both ways between a Photon of implementation ${impl} and a stream`, async (t) => {
    const world = await World.start(t);
    const cli = await world.cli();
    const photon = await world.photon({ impl });
    const stream = await world.cyand.stream('/v1/devices/events');
    photon.start();
    await photon.untilConnected();

    const tick = await stream.next((event) => event.name === 'tick');
    assert.equal(tick.coreid, photon.id);
    assert.equal(tick.ttl, 60);
    assert.match(tick.data, /^[0-9]+$/);

    await world.cyand.untilOnline(photon.id);
    for (let i = 1; i <= 20; i++) {
      await cli.data('publish', 'photon/greeting', `hello ${i}`);
      const heard = await photon.line((line) => line.ev === 'event' && line.data === `hello ${i}`);
      assert.equal(heard.direction, 'in');
      assert.equal(heard.name, 'photon/greeting');
    }
    assert.equal((await cli.data('get', photon.id, 'heard')).result, 20);
    const published = await stream.next((event) => event.name === 'photon/greeting');
    assert.equal(published.data, 'hello 1');
  });

  test(`a Photon of implementation ${impl} comes back by itself when the cloud restarts`, async (t) => {
    const world = await World.start(t);
    const photon = await world.photon({ impl });
    photon.start();
    await photon.untilBreathingCyan();
    for (const signal of ['SIGTERM', 'SIGKILL']) {
      const from = photon.lines.mark;
      const ended = await world.cyand.restart(signal);
      assert.deepEqual(ended, signal === 'SIGTERM' ? { code: 0, signal: null } : { code: null, signal });
      await photon.untilBreathingCyan({ from });
      await world.cyand.untilOnline(photon.id);
      const cli = await world.cli();
      assert.equal((await cli.data('call', photon.id, 'add', '1,2')).return_value, 3);
    }
  });

  test(`a Photon of implementation ${impl} says goodbye and is offline at once`, async (t) => {
    const world = await World.start(t);
    const photon = await world.photon({ impl });
    const stream = await world.cyand.stream('/v1/devices/events/spark/status');
    photon.start();
    await stream.next((event) => event.data === 'online' && event.coreid === photon.id);
    assert.deepEqual(await photon.stop(), { code: 0, signal: null });
    await stream.next((event) => event.data === 'offline' && event.coreid === photon.id);
    await world.cyand.untilOnline(photon.id, false);
    const cli = await world.cli();
    const called = await cli.run('call', photon.id, 'led', 'on', '--json');
    assert.equal(called.code, 6);
    assert.equal(called.json.ok, false);
  });
}

test('a Photon without its public key in the handshake connects with the key that the cloud knows', async (t) => {
  const world = await World.start(t);
  const photon = await world.photon({ impl: 'a' });
  photon.start('--short-handshake');
  await photon.untilBreathingCyan();
  await world.cyand.untilOnline(photon.id);
});
