// flood.test.mjs - ten thousand hostile handshakes beside a hundred devices at work: the strangers get
// nothing, and nobody else notices.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import test from 'node:test';

import { ANSWER_LEN, NONCE_LEN, REQUEST_LEN, makeRequest } from './lib/handshake.mjs';
import { splitAddress } from './lib/http.mjs';
import { atEnd } from './lib/program.mjs';
import { newKey, publicKeyFrom, spkiOf } from './lib/rsa.mjs';
import { SECOND, within } from './lib/time.mjs';
import { World } from './lib/world.mjs';

const DEVICES = 100;
const HALF_OPEN = 4600;
const WAITING_MAX = 4096; // handshakes in a shard; then the one silent for longest makes room
const STRANGERS = 2800;
const GARBAGE = 2200;
const BYTE_BY_BYTE = 400;
const AT_ONCE = 250; // beside those that are half open
const ACK_MS = 3 * SECOND; // within which every event is acknowledged, under all of this
const LANES = 10; // devices that publish at the same time
const EACH = 2; // events that every device gets through at least before the flood is over
// What cyand may grow by. With sanitizers memory that was freed is kept for a while, up to 256 MiB.
const GROWTH_MIB = process.env.CYAN_SLOW > 1 ? 400 : 24;
const LOG_BYTES_EACH = 400; // of standard error, for a hostile handshake

function residentMiB(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) / 1024;
}

// A connection of which nothing is expected. this.end: when the cloud ended it.
class Stranger {
  constructor(address) {
    const [host, port] = splitAddress(address);
    this.got = Buffer.alloc(0);
    this.socket = net.connect({ host, port, noDelay: true });
    this.nonce = new Promise((resolve, reject) => {
      this.socket.on('data', (bytes) => {
        this.got = Buffer.concat([this.got, bytes]);
        if (this.got.length >= NONCE_LEN) {
          resolve(this.got.subarray(0, NONCE_LEN));
        }
      });
      this.socket.on('error', reject);
      this.socket.on('close', () => reject(new Error('closed before the nonce')));
    });
    this.nonce.catch(() => {}); // whoever waits for it sees it
    this.isOver = false;
    this.end = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.isOver = true;
        resolve();
      });
      this.socket.on('data', () => this.answered && resolve());
    });
  }

  get answered() {
    return this.got.length >= NONCE_LEN + ANSWER_LEN;
  }
}

// Calls work(i) for every i below count, so many at a time.
async function each(count, atOnce, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      await work(next++);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

// The devices publish until told to stop, some at a time and in turn, each waiting for its ACK.
class Work {
  constructor(devices) {
    this.stopped = false;
    this.acknowledged = 0;
    this.longest_ms = 0;
    this.closed = 0;
    devices.forEach((device) => device.closed.then(() => this.closed++));
    const lanes = Array.from({ length: LANES }, (_, i) => devices.filter((__, d) => d % LANES === i));
    this.done = Promise.all(lanes.map((lane) => this.run(lane)));
    this.done.catch(() => {}); // stop() throws it
  }

  async run(lane) {
    while (!this.stopped) {
      for (const device of lane) {
        const start = performance.now();
        const from = device.messages.mark;
        const id = await device.publish('climate', `${this.acknowledged}`, { confirm: true });
        await device.ackOf(id, { from, ms: ACK_MS });
        this.longest_ms = Math.max(this.longest_ms, performance.now() - start);
        this.acknowledged++;
      }
    }
  }

  async stop() {
    this.stopped = true;
    await this.done;
  }
}

async function workers(world) {
  const key = newKey(1024);
  const devices = [];
  for (let i = 0; i < DEVICES; i++) {
    devices.push(await world.device({ key }));
  }
  await Promise.all(devices.map((device) => device.goOnline()));
  return devices;
}

class Attack {
  constructor(t, world, devices) {
    this.address = world.cyand.device;
    this.serverKey = publicKeyFrom(world.serverKey);
    this.spkis = Array.from({ length: 20 }, () => spkiOf(newKey(1024)));
    this.ids = devices.map((device) => Buffer.from(device.id, 'hex'));
    this.silent = [];
    this.tried = 0;
    atEnd(t, () => this.silent.forEach((stranger) => stranger.socket.destroy()));
  }

  async halfOpen() {
    await each(HALF_OPEN, AT_ONCE, async () => {
      const stranger = new Stranger(this.address);
      this.silent.push(stranger);
      this.tried++;
      await within(10 * SECOND, 'a nonce', stranger.nonce);
    });
  }

  // One handshake: send gets the stranger and the nonce. Resolves when the cloud ended or answered it.
  async knock(send) {
    const stranger = new Stranger(this.address);
    this.tried++;
    await send(stranger, await within(10 * SECOND, 'a nonce', stranger.nonce));
    await within(20 * SECOND, 'the end of a hostile handshake', stranger.end);
    stranger.socket.destroy();
    return stranger;
  }

  // A well-formed request for a device that is online, with a key that is not its own.
  request(i, nonce) {
    const { serverKey, ids, spkis } = this;
    return makeRequest({ serverKey, nonce, id: ids[i % ids.length], spki: spkis[i % spkis.length] });
  }

  async wrongKeys() {
    const knock = (i) => this.knock((stranger, nonce) => stranger.socket.write(this.request(i, nonce)));
    await each(STRANGERS, AT_ONCE, knock);
  }

  async garbage() {
    await each(GARBAGE, AT_ONCE, async () => {
      const stranger = await this.knock(({ socket }) => socket.write(randomBytes(REQUEST_LEN)));
      assert.equal(stranger.got.length, NONCE_LEN, 'garbage got an answer');
    });
  }

  async byteByByte() {
    await each(BYTE_BY_BYTE, AT_ONCE / 10, (i) =>
      this.knock(async ({ socket }, nonce) => {
        for (const byte of this.request(i, nonce)) {
          await new Promise((resolve) => {
            socket.write(Buffer.from([byte]), resolve);
          });
        }
      }),
    );
  }
}

test('10,000 hostile handshakes disturb none of 100 devices, nor fill memory or log', async (t) => {
  const world = await World.start(t, { args: ['--shards', '1'] });
  const { pid } = world.cyand.program.child;
  const devices = await workers(world);
  const work = new Work(devices);
  const attack = new Attack(t, world, devices);
  const before = residentMiB(pid);
  const logged = world.cyand.program.stderr().length;

  await attack.halfOpen();
  const height = residentMiB(pid);
  await Promise.all([attack.wrongKeys(), attack.garbage(), attack.byteByByte()]);
  assert.ok(work.acknowledged >= EACH * DEVICES, `only ${work.acknowledged} events came through`);
  const late = await world.device();
  await within(5 * SECOND, 'a good device online in the middle of it', late.goOnline());
  await work.stop();
  assert.equal(attack.tried, HALF_OPEN + STRANGERS + GARBAGE + BYTE_BY_BYTE);

  const pushedOut = attack.silent.filter((stranger) => stranger.isOver).length;
  assert.ok(pushedOut >= HALF_OPEN - WAITING_MAX, `only ${pushedOut} of the silent made room`);
  assert.equal(work.closed, 0, 'a device at work was closed');
  await Promise.all(devices.map((device) => device.settled()));
  const list = (await world.cyand.get('/v1/devices')).json;
  assert.equal(list.filter((device) => device.online).length, DEVICES + 1);
  const growth = Math.max(height, residentMiB(pid)) - before;
  const bytes = world.cyand.program.stderr().length - logged;
  t.diagnostic(`${work.acknowledged} events, the slowest acknowledged after ${work.longest_ms.toFixed(0)} ms`);
  t.diagnostic(`memory grew by ${growth.toFixed(1)} MiB, the log by ${bytes} bytes`);
  assert.ok(growth < GROWTH_MIB, `cyand grew by ${growth} MiB`);
  assert.ok(bytes < attack.tried * LOG_BYTES_EACH, `${bytes} bytes of log`);
});
