// custody.mjs - the keys of devices as their owner sees them: lists, orders, and the events that a
// plain stream brings.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import * as coap from './coap.mjs';
import { publicPem } from './device.mjs';
import { spkiOf } from './rsa.mjs';
import { eventually } from './time.mjs';
import { World } from './world.mjs';

export const CHANGES = /^cyan\//;

// The fingerprint of a key.
export function printOf(key) {
  return createHash('sha256').update(spkiOf(key)).digest('hex');
}

export class Owner {
  // An account with its stream, opened before anything happens. token: else the first account.
  static async of(world, token) {
    const owner = new Owner();
    owner.world = world;
    owner.token = token ?? (await world.cyand.token());
    owner.stream = await world.cyand.stream('/v1/devices/events', owner.token);
    return owner;
  }

  async ask(method, route, json) {
    return this.world.cyand.request(method, route, { token: this.token, json });
  }

  async keys(id) {
    const answer = await this.ask('GET', `/v1/devices/${id}/keys`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  }

  // The key's entry in the list, or nothing.
  async key(id, key) {
    const print = printOf(key);
    return (await this.keys(id)).keys.find((entry) => entry.fingerprint === print);
  }

  async stateOf(id, key) {
    return (await this.key(id, key))?.state ?? 'none';
  }

  order(id, key, action, json = {}) {
    return this.ask('POST', `/v1/devices/${id}/keys/${printOf(key)}/${action}`, json);
  }

  // An order that must be carried out: its answer.
  async must(id, key, action, json) {
    const answer = await this.order(id, key, action, json);
    assert.equal(answer.status, 200, `${action}: ${answer.text}`);
    return answer.json;
  }

  async upload(id, key) {
    return this.world.cyand.provision(id, publicPem(key), this.token);
  }

  policy(id, change) {
    return this.world.policy(change, { id, token: this.token });
  }

  window(id) {
    return this.policy(id, { policy: 'enroll', ids: [id] });
  }

  describe(id) {
    return this.world.cyand.describe(id, this.token);
  }

  // Waits until the device's session is none, full or held.
  untilSession(id, session) {
    const ask = async () => (await this.describe(id)).session === session;
    return eventually(ask, { what: `the session of ${id}: ${session}` });
  }

  // Events of cyan about a device, from a mark of the stream on.
  changes(id, from = 0) {
    const items = this.stream.events.items.slice(from);
    return items.filter((event) => event.coreid === id && CHANGES.test(event.name));
  }

  // What spark/status said of a device.
  statuses(id, from = 0) {
    const items = this.stream.events.items.slice(from);
    return items.filter((event) => event.coreid === id && event.name === 'spark/status').map((event) => event.data);
  }

  // The event with this name about a device; its data, read.
  async change(id, name, from = 0) {
    const fits = (event) => event.coreid === id && event.name === name;
    const event = await this.stream.next(fits, { from, what: `the event ${name} of ${id}` });
    return JSON.parse(event.data);
  }

  // Whatever was sent before has come when this is done.
  async settled() {
    const form = { name: `settled/${this.stream.events.mark}`, private: 'true' };
    const from = this.stream.events.mark;
    await this.world.cyand.request('POST', '/v1/devices/events', { token: this.token, form });
    await this.stream.next((event) => event.name === form.name, { from });
  }

  // Names of the events about a device, once these have come; others would be seen too.
  async changesAre(id, names, from = 0) {
    for (const name of new Set(names)) {
      await this.change(id, name, from);
    }
    await this.settled();
    assert.deepEqual(this.changes(id, from).map((event) => event.name), names);
  }
}

// Does a confirmable event of the device get its ACK? A ping after it tells that none will come.
export async function isFull(device, name = 'is/full') {
  const id = await device.publish(name, 'x', { confirm: true });
  const messages = await device.settled();
  return messages.some((message) => message.type === coap.ACK && message.id === id);
}

// A device of the owner that has been online with its key, which is trusted now, and left.
export async function foundDevice(owner, options = {}) {
  const device = await owner.world.device({ token: owner.token, ...options });
  await device.goOnline();
  device.close();
  await owner.untilSession(device.id, 'none');
  return device;
}

// Another key on the device: a RawDevice with the same id.
export function sameDevice(owner, device, key) {
  return owner.world.device({ known: false, id: device.id, key });
}

// How a known device comes to present a key of this kind. Each resolves to the device that does.
export const kinds = {
  trusted: async (owner, device) => device,
  announced: async (owner, device) => {
    const other = await sameDevice(owner, device);
    await owner.upload(device.id, other.key);
    return other;
  },
  new: (owner, device) => sameDevice(owner, device),
  pending: async (owner, device) => {
    const other = await sameDevice(owner, device);
    await other.goOnline();
    await owner.change(device.id, 'cyan/key/pending');
    other.close();
    await owner.untilSession(device.id, 'none');
    return other;
  },
  denied: async (owner, device) => {
    const other = await kinds.pending(owner, device);
    await owner.must(device.id, other.key, 'deny');
    return other;
  },
  revoked: async (owner, device) => {
    const other = await kinds.pending(owner, device);
    await owner.must(device.id, other.key, 'revoke');
    return other;
  },
  'retired by a human': async (owner, device) => {
    const other = await kinds.pending(owner, device);
    await owner.must(device.id, other.key, 'approve');
    return device;
  },
  'retired by a window': async (owner, device) => {
    const other = await sameDevice(owner, device);
    await owner.window(device.id);
    await other.goOnline();
    await owner.change(device.id, 'cyan/key/changed');
    other.close();
    await owner.untilSession(device.id, 'none');
    return device;
  },
  malformed: async (owner, device) => {
    device.spki = Buffer.from(spkiOf(device.key));
    device.spki[156] &= 0xfe; // an even modulus
    return device;
  },
};

// Cases that share one cloud and its first account, side by side: { sentence: (owner) => … }.
export function withOneCloud(name, cases, options) {
  test(name, { concurrency: 6 }, async (t) => {
    const owner = await Owner.of(await World.start(t, options));
    const entries = Object.entries(cases);
    await Promise.all(entries.map(([sentence, run]) => t.test(sentence, (sub) => run(owner, sub))));
  });
}
