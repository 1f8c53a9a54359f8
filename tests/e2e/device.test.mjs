// device.test.mjs - what the API says of a device, and the signal that makes one show itself.
import assert from 'node:assert/strict';
import test from 'node:test';

import { World } from './lib/world.mjs';

const KEYS = [
  'cellular', 'connected', 'current_build_target', 'default_build_target', 'denied', 'development',
  'firmware_product_id', 'firmware_updates_enabled', 'firmware_updates_forced', 'firmware_version',
  'functions', 'groups', 'iccid', 'id', 'imei', 'last_app', 'last_handshake_at', 'last_heard',
  'last_iccid', 'last_ip_address', 'mobile_secret', 'name', 'notes', 'online', 'owner',
  'pinned_build_target', 'platform_id', 'product_id', 'quarantined', 'serial_number', 'status',
  'system_firmware_version', 'targeted_firmware_release_version', 'variables',
];

test('a device object has every key, null where nothing is known', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  const before = await world.cyand.describe(device.id);
  assert.deepEqual(KEYS.filter((key) => !(key in before)), []);
  assert.deepEqual([before.online, before.last_handshake_at, before.platform_id], [false, null, null]);
  assert.deepEqual([before.functions, before.variables], [null, null]);

  device.app = {
    functions: { led: () => 1 },
    variables: { b: { type: 1 }, i: { type: 2 }, s: { type: 4 }, d: { type: 9 } },
  };
  await device.goOnline();
  const after = await world.cyand.describe(device.id);
  assert.deepEqual(KEYS.filter((key) => !(key in after)), []);
  assert.deepEqual([after.online, after.connected, after.status], [true, true, 'normal']);
  assert.equal(after.platform_id, 6);
  assert.equal(after.last_ip_address, '127.0.0.1');
  assert.deepEqual(after.functions, ['led']);
  assert.deepEqual(after.variables, { b: 'bool', i: 'int32', s: 'string', d: 'double' });
  for (const key of ['last_heard', 'last_handshake_at']) {
    assert.ok(Math.abs(Date.parse(after[key]) - Date.now()) < 30000, key);
  }
  const list = (await world.cyand.get('/v1/devices')).json;
  assert.deepEqual(list.map((listed) => listed.id), [device.id]);
});

test('spark/status tells online and offline once each', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  const stream = await world.cyand.stream('/v1/devices/events/spark/status');
  for (let i = 0; i < 3; i++) {
    await device.goOnline();
    await world.cyand.untilOnline(device.id);
    device.close();
    await world.cyand.untilOnline(device.id, false);
  }
  await stream.next(() => stream.events.mark === 6);
  const seen = stream.events.items.map((event) => [event.data, event.coreid]);
  const round = [['online', device.id], ['offline', device.id]];
  assert.deepEqual(seen, [...round, ...round, ...round]);
});

for (const impl of ['a', 'b']) {
  test(`a signal makes the LED of implementation ${impl} go round its colours until it is taken back`, async (t) => {
    const world = await World.start(t);
    const photon = await world.photon({ impl });
    photon.start();
    await photon.untilBreathingCyan();
    await world.cyand.untilOnline(photon.id);
    const token = await world.cyand.token();
    const signal = (value) => {
      return world.cyand.request('PUT', `/v1/devices/${photon.id}`, { token, form: { signal: value } });
    };
    const on = await signal('1');
    assert.equal(on.status, 200, on.text);
    assert.deepEqual([on.json.id, on.json.connected, on.json.signaling], [photon.id, true, true]);
    const shown = await photon.line((line) => line.ev === 'led' && /signal/i.test(line.meaning));
    const off = await signal('0');
    assert.equal(off.json.signaling, false);
    await photon.untilBreathingCyan({ from: photon.lines.items.indexOf(shown) });
    assert.equal(photon.lines.items.some((line) => line.state === 'disconnected'), false);
  });
}
