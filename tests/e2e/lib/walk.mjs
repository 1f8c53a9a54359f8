// walk.mjs - a random walk over devices, keys and accounts, and the model that it is held against.
import assert from 'node:assert/strict';

import { verifyAudit } from './audit.mjs';
import { Owner, isFull, printOf } from './custody.mjs';
import { RawDevice } from './device.mjs';
import { Model, isChange } from './model.mjs';
import { newKey } from './rsa.mjs';
import { eventually } from './time.mjs';
import { World } from './world.mjs';

const IDS = 3;
const KEYS = 4;
const HOPS = 6; // requests after which whatever an order set off is over: custody has one worker
const ACTIONS = ['approve', 'approve', 'deny', 'revoke', 'unrevoke', 'unrevoke', 'revert'];

function generator(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

export class Walk {
  static async start(t, seed) {
    const walk = new Walk();
    Object.assign(walk, { t, seed, random: generator(seed), steps: [], acked: new Set(), used: new Set(), names: 0, tick: 0 });
    walk.world = await World.start(t, { args: ['--signup'] });
    walk.accounts = { ann: { policy: null, isOperator: true }, bea: { policy: null, isOperator: false } };
    walk.tokens = { ann: await walk.world.cyand.token(), bea: await walk.world.cyand.signUp('bea@example.org') };
    walk.streams = [];
    await walk.listen();
    walk.devices = Array.from({ length: IDS }, (_, number) => {
      const model = new Model(walk.accounts);
      const id = `${(seed >>> 0).toString(16).padStart(8, '0')}${number.toString(16).padStart(16, '0')}`;
      return Object.assign(model, { id, number, pool: Array.from({ length: KEYS }, () => newKey(1024)) });
    });
    return walk;
  }

  async listen() {
    this.owners = {};
    for (const [name, token] of Object.entries(this.tokens)) {
      this.owners[name] = await Owner.of(this.world, token);
      this.streams.push(this.owners[name].stream);
    }
  }

  pick(list) {
    return list[this.random(list.length)];
  }

  // Who may look at a device.
  viewer(d) {
    return this.owners[d.owner ?? 'ann'];
  }

  // --- what can happen; each returns whether held sessions are judged again ---

  async connect(d, key) {
    const ruling = d.judge(key);
    const device = new RawDevice(this.t, {
      address: this.world.cyand.device, serverKey: this.world.serverKey, id: d.id, key: d.pool[key],
    });
    if (ruling.verdict === 'refuse') {
      assert.equal(await device.handshake(), false, 'the handshake was answered');
      return false;
    }
    await device.goOnline({ b: this.random(2) === 1 });
    return this.entered(d, key, device, ruling);
  }

  // With 52 bytes it is answered for the key that the cloud chooses.
  async connectShort(d, key) {
    const target = d.shortTarget();
    const device = new RawDevice(this.t, {
      address: this.world.cyand.device, serverKey: this.world.serverKey, id: d.id, key: d.pool[key],
    });
    await device.connect();
    await device.receiveNonce();
    await device.write(device.makeRequest({ short: true }));
    if (target === undefined) {
      await device.untilClosed();
      assert.equal(device.bytes.length, 0, 'the 52 bytes were answered');
      return false;
    }
    const understood = await device.receiveAnswer().catch(() => null);
    assert.equal(understood, target === key ? true : null, `answered for key ${target}`);
    if (!understood) {
      d.useOther = !d.useOther;
      device.socket.end();
      await device.untilClosed();
      return false;
    }
    await device.send(device.hello());
    await device.next((message) => message.code !== 0, { what: 'the Hello of the cloud' });
    return this.entered(d, key, device, d.judge(key));
  }

  async entered(d, key, device, ruling) {
    const session = { key, device, kind: 'held' };
    const same = d.live.find((other) => other.kind === 'held' && other.key === key);
    if (ruling.verdict === 'held' || ruling.open) {
      d.maybeClone ||= Boolean(d.full);
    }
    d.live.push(session);
    const isFullNow = await this.isSo(d, key, ruling);
    if (same) {
      await this.ended(d, same); // the newer one stays
    }
    if (!isFullNow) {
      if (!ruling.open) {
        d.apply(key, ruling.effect);
      }
      return false;
    }
    await this.becomesFull(d, session, ruling.effect);
    return isChange(ruling.effect);
  }

  // Whether a ruling means full. Where the SPEC leaves that open, the owner's events of this step
  // tell; of a device that nobody owns, its keys.
  async isSo(d, key, ruling) {
    if (!ruling.open) {
      return ruling.verdict === 'full';
    }
    const list = await this.keysOf(d);
    if (d.owner === null) {
      return list.get(key) === 'trusted';
    }
    const owner = this.owners[d.owner];
    await owner.settled();
    const told = owner.changes(d.id, this.marks.get(owner)).map(({ data }) => JSON.parse(data));
    const print = printOf(d.pool[key]);
    const event = told.find(({ seq, via, new: made }) => {
      return made === print && ['heal', 'enroll', 'return'].includes(via) && !this.used.has(seq);
    });
    if (event) {
      this.used.add(event.seq);
      ruling.effect = event.via;
    } else if (ruling.effect === 'heal') {
      d.apply(key, 'pend');
    } else if (['pending', 'retired'].includes(list.get(key)) && d.stateOf(key) !== list.get(key)) {
      d.keys.set(key, { state: list.get(key) });
    }
    return Boolean(event);
  }

  async becomesFull(d, session, effect) {
    const older = d.full;
    d.apply(session.key, effect);
    session.kind = 'full';
    d.hasHello = true;
    d.useOther = false;
    if (older && older !== session) {
      await this.ended(d, older);
    }
  }

  async ended(d, session) {
    d.live.splice(d.live.indexOf(session), 1);
    await session.device.untilClosed();
  }

  async keysOf(d) {
    let list;
    for (let hop = 0; hop < HOPS; hop++) {
      list = await this.viewer(d).keys(d.id);
    }
    return new Map(list.keys.map((entry) => {
      return [d.pool.findIndex((key) => printOf(key) === entry.fingerprint), entry.state];
    }));
  }

  // Full sessions whose key is trusted no longer end, and held ones are judged again: after an order
  // at once; else perhaps, since the end of another session may be a reason.
  async settle(d, review) {
    for (let changed = true; changed;) {
      changed = false;
      if (d.full && d.full.key !== d.trusted) {
        await this.ended(d, d.full);
      }
      for (const session of d.live.filter(({ kind }) => kind === 'held')) {
        const ruling = d.judge(session.key);
        ruling.open ||= !review && ruling.verdict === 'full';
        if (ruling.verdict === 'refuse') {
          await (review ? this.ended(d, session) : this.endedPerhaps(d, session));
        } else if (await this.isSo(d, session.key, ruling)) {
          await this.becomesFull(d, session, ruling.effect);
          changed = true;
        } else if (!ruling.open) {
          d.apply(session.key, ruling.effect);
        }
      }
    }
  }

  async endedPerhaps(d, session) {
    await session.device.settled().catch(() => this.ended(d, session));
  }

  expect(answer, wanted) {
    const fits = wanted === 404 ? [403, 404].includes(answer.status) : answer.status === wanted;
    assert.ok(fits, `${answer.status} instead of ${wanted}: ${answer.text}`);
    return wanted === 200;
  }

  async order(d, account, key, action) {
    const answer = await this.owners[account].order(d.id, d.pool[key], action, { reason: 'walk' });
    return this.expect(answer, d.order(account, key, action));
  }

  async upload(d, account, key) {
    return this.expect(await this.owners[account].upload(d.id, d.pool[key]), d.upload(account, key));
  }

  async claim(d, account) {
    const answer = await this.owners[account].ask('POST', '/v1/devices', { id: d.id });
    // A claim of one's own binding is a matter of taste: it is not known yet.
    return this.expect(answer, d.claim(account));
  }

  async release(d, account) {
    const wanted = d.release(account);
    this.expect(await this.owners[account].ask('DELETE', `/v1/devices/${d.id}`), wanted);
    if (wanted === 200 && d.known) {
      for (const session of d.live.filter(({ kind }) => kind === 'held')) {
        await this.ended(d, session);
      }
    }
    return false;
  }

  async setPolicy(d, policy) {
    const owner = this.owners[d.owner];
    if (policy === null) {
      await owner.ask('DELETE', `/v1/devices/${d.id}/key-policy`);
    } else {
      await owner.policy(d.id, { policy, familiar: { absent: false, module: false } });
    }
    d.policy = policy;
    return true;
  }

  async setAccountPolicy(account, policy) {
    const { token } = this.owners[account];
    if (policy === null) {
      await this.owners[account].ask('DELETE', '/v1/user/key-policy');
    } else {
      await this.world.policy({ policy, familiar: { absent: false, module: false } }, { token });
    }
    this.accounts[account].policy = policy;
    for (const d of this.devices.filter(({ owner }) => owner === account)) {
      await this.settle(d, true);
    }
  }

  async openWindow(d) {
    await this.viewer(d).window(d.id);
    d.window = ++this.tick;
    return true;
  }

  async closeWindow(d) {
    await this.owners[d.owner].ask('DELETE', `/v1/devices/${d.id}/key-policy`);
    d.window = null;
    return true;
  }

  async leave(d) {
    const session = this.pick(d.live);
    session.device.close();
    d.live.splice(d.live.indexOf(session), 1);
    if (d.known) {
      const ask = async () => (await this.viewer(d).key(d.id, d.pool[session.key]))?.session === 'none';
      await eventually(ask, { what: `${d.number}: no session of key ${session.key}` });
    }
    return false;
  }

  async restart(signal) {
    for (const d of this.devices.filter(({ window }) => window !== null)) {
      await this.settle(d, await this.closeWindow(d));
    }
    await this.world.cyand.restart(signal);
    this.devices.forEach((d) => d.restarted());
    await this.listen();
    await verifyAudit(this.owners.ann);
  }

  // --- the walk ---

  // One step: its words, and what to do.
  choose() {
    const d = this.pick(this.devices);
    const key = this.random(KEYS);
    const account = d.owner !== null && this.random(8) > 0 ? d.owner : this.pick(['ann', 'ann', 'bea']);
    const policy = this.pick(['strict', 'quarantine', 'quarantine', 'heal', 'heal', null]);
    const mayPolicy = d.known && d.owner !== null && d.window === null;
    const dice = this.random(100);
    const trusted = d.trusted ?? key;
    if (dice < 30) {
      return [d, `key ${key} connects`, () => this.connect(d, key)];
    } else if (dice < 38) {
      return [d, `the trusted key ${trusted} connects`, () => this.connect(d, trusted)];
    } else if (dice < 44) {
      return [d, `key ${key} connects with 52 bytes`, () => this.connectShort(d, key)];
    } else if (dice < 52) {
      return [d, `${account} uploads key ${key}`, () => this.upload(d, account, key)];
    } else if (dice < 74) {
      const action = this.pick(ACTIONS);
      return [d, `${account} says ${action} of key ${key}`, () => this.order(d, account, key, action)];
    } else if (dice < 80 && mayPolicy) {
      return [d, `policy ${policy}`, () => this.setPolicy(d, policy)];
    } else if (dice < 83) {
      return [d, `${account} has the policy ${policy}`, () => this.setAccountPolicy(account, policy)];
    } else if (dice < 89 && d.known && d.owner !== null) {
      return d.window === null
        ? [d, 'a window opens', () => this.openWindow(d)]
        : [d, 'the window closes', () => this.closeWindow(d)];
    } else if (dice < 91) {
      return [d, `${account} claims`, () => this.claim(d, account)];
    } else if (dice < 93 && d.window === null) {
      return [d, `${account} releases`, () => this.release(d, account)];
    } else if (dice < 94) {
      const signal = this.pick(['SIGTERM', 'SIGKILL']);
      return [d, `cyand ends by ${signal} and starts`, () => this.restart(signal)];
    } else if (d.live.length > 0) {
      return [d, 'a session ends', () => this.leave(d)];
    }
    return this.choose();
  }

  sessionOf(d) {
    return d.full ? 'full' : d.live.length > 0 ? 'held' : 'none';
  }

  async verify() {
    for (const d of this.devices) {
      d.maybeClone ||= Boolean(d.full) && d.live.length > 1;
      for (const { kind, device, key } of d.live) {
        const name = `walk/${d.number}/${key}/${++this.names}`;
        const ask = async () => {
          const got = await isFull(device, name).catch((error) => {
            const [reason] = error.message.split('\n');
            throw new Error(`${d.number}: the ${kind} session of key ${key}: ${reason}`);
          });
          got && this.acked.add(name);
          return got;
        };
        if (kind === 'full') {
          await eventually(ask, { what: `${d.number}: a full session of the trusted key ${key}` });
          d.heard = ++this.tick;
        } else {
          assert.equal(await ask(), false, `${d.number}: an event of the held key ${key} was acknowledged`);
        }
      }
      if (d.known) {
        await this.verifyRecord(d);
      }
    }
  }

  async verifyRecord(d) {
    const want = [...d.keys].map(([key, { state }]) => [key, state]).sort();
    assert.deepEqual([...(await this.keysOf(d))].sort(), want, `${d.number}: the keys`);
    assert.ok(want.filter(([, state]) => state === 'trusted').length <= 1);
    await this.viewer(d).untilSession(d.id, this.sessionOf(d));
    const seen = await this.viewer(d).describe(d.id);
    assert.equal(seen.online, Boolean(d.full), `${d.number}: online`);
    assert.equal(seen.key_state, d.keyState, `${d.number}: key_state`);
    const mine = d.owner !== null;
    assert.equal(seen.owner !== null, mine, `${d.number}: owner`);
  }

  // What the model thinks, for whoever looks for the reason of a failure.
  tell() {
    return this.devices.map((d) => {
      const keys = [...d.keys].map(([key, entry]) => `${key}: ${Object.values(entry).join(' ')}`);
      const live = d.live.map(({ key, kind }) => `${kind} ${key}`);
      return `${d.number} of ${d.owner}, ${d.policy}/${d.base}, window ${d.window}, ${keys.join(', ')}; ${live.join(', ')}`;
    }).join('\n');
  }

  // What was told of keys in the step that failed.
  said() {
    const told = Object.values(this.owners).flatMap((owner) => owner.stream.events.items.slice(this.marks.get(owner)));
    return told.filter(({ name }) => name.startsWith('cyan/')).map(({ name, data }) => `${name} ${data}`).join('\n');
  }

  async run(count) {
    for (let step = 0; step < count; step++) {
      const [d, words, act] = this.choose();
      this.steps.push(`${step}: device ${d.number}: ${words}`);
      this.marks = new Map(Object.values(this.owners).map((owner) => [owner, owner.stream.events.mark]));
      const review = await act();
      if (typeof review === 'boolean') {
        await this.settle(d, review);
      }
      await this.verify();
    }
    await verifyAudit(this.owners.ann);
    const told = this.streams.flatMap(({ events }) => events.items).filter(({ name }) => name.startsWith('walk/'));
    assert.deepEqual(told.filter(({ name }) => !this.acked.has(name)), [], 'events that were not acknowledged came');
    assert.ok(told.length > 0);
  }
}
