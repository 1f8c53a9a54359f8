// device.mjs - a raw device on a socket, with nothing of ours but this folder's JavaScript: every
// step is a method, so that a test can leave one out, bend it, or cut it into pieces.
import net from 'node:net';
import { randomBytes } from 'node:crypto';

import * as coap from './coap.mjs';
import { ANSWER_LEN, NONCE_LEN, makeRequest, openAnswer } from './handshake.mjs';
import { splitAddress } from './http.mjs';
import { atEnd } from './program.mjs';
import { newKey, publicKeyFrom, spkiOf } from './rsa.mjs';
import { Opener, Sealer } from './session.mjs';
import { Flow, SECOND, within } from './time.mjs';

const PHOTON = 6;

// A key of a device as text for the cloud.
export function publicPem(key) {
  const lines = spkiOf(key).toString('base64').replace(/.{64}/g, '$&\n').trim();
  return `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`;
}

export class RawDevice {
  // address of the cloud's device port; serverKey: the 294 bytes of its public key.
  constructor(t, { address, serverKey, id = randomBytes(12).toString('hex'), key = newKey(1024) }) {
    Object.assign(this, { address, id, key });
    this.serverKey = publicKeyFrom(serverKey);
    this.nextId = 0x2022;
    this.app = {};
    atEnd(t, () => this.socket?.destroy());
  }

  // Opens a connection in place of the one before. this.closed resolves to 'end' or 'reset' when
  // the cloud ends it.
  async connect() {
    const [host, port] = splitAddress(this.address);
    this.socket?.destroy();
    this.bytes = Buffer.alloc(0);
    this.wanted = null;
    this.opener = null;
    const messages = new Flow();
    const socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true });
    this.messages = messages;
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on('end', () => resolve('end'));
      socket.on('error', () => resolve('reset'));
      socket.on('close', () => resolve('close'));
    });
    this.closed.then((how) => messages.end(`the cloud closed (${how})`));
    socket.on('data', (bytes) => this.socket === socket && this.take(bytes));
    const connected = new Promise((resolve) => {
      this.socket.on('connect', resolve);
    });
    await within(10 * SECOND, 'a connection', Promise.race([connected, this.closed]));
  }

  take(bytes) {
    if (this.opener) {
      this.opener.push(bytes).forEach((message) => this.onMessage(coap.decode(message)));
      return;
    }
    this.bytes = Buffer.concat([this.bytes, bytes]);
    this.wanted?.();
  }

  // Exactly count bytes before the session begins; null when the cloud closes first.
  async read(count, ms = 20 * SECOND) {
    const whole = new Promise((resolve) => {
      const wanted = (end) => {
        if (this.bytes.length >= count) {
          resolve(this.bytes.subarray(0, count));
        } else if (end === null) {
          resolve(null);
        }
      };
      this.wanted = wanted;
      wanted();
      // Of this connection: the end of the one before must not end a read of the next.
      this.closed.then(() => wanted(null));
    });
    const found = await within(ms, `${count} bytes of the cloud`, whole);
    this.wanted = null;
    if (found) {
      this.bytes = this.bytes.subarray(count);
    }
    return found;
  }

  write(bytes) {
    return new Promise((resolve) => {
      this.socket.write(bytes, resolve);
    });
  }

  // Each byte as a write of its own, handed to the kernel before the next.
  async writeByteByByte(bytes) {
    for (const byte of bytes) {
      await this.write(Buffer.from([byte]));
    }
  }

  async receiveNonce() {
    this.nonce = await this.read(NONCE_LEN);
    return this.nonce;
  }

  // The 256 bytes for this connection's nonce. short: without the public key.
  makeRequest({ short = false, nonce = this.nonce, spki = spkiOf(this.key) } = {}) {
    return makeRequest({
      serverKey: this.serverKey,
      nonce,
      id: Buffer.from(this.id, 'hex'),
      spki: short ? null : spki,
    });
  }

  // Reads the answer and begins the session. False when the cloud closed instead.
  async receiveAnswer() {
    const answer = await this.read(ANSWER_LEN);
    if (!answer) {
      return false;
    }
    const { serverKey, key } = this;
    this.begin(openAnswer({ serverKey, deviceKey: key, answer }));
    return true;
  }

  begin(credentials) {
    this.credentials = credentials;
    this.sealer = new Sealer(credentials);
    this.opener = new Opener(credentials);
    const rest = this.bytes;
    this.bytes = Buffer.alloc(0);
    this.take(rest);
  }

  // Everything up to the Hello. False when the cloud closed before its answer.
  async handshake(options = {}) {
    await this.connect();
    if (!(await this.receiveNonce())) {
      return false;
    }
    await this.write(this.makeRequest(options));
    return this.receiveAnswer();
  }

  hello({ flags = 0, platform = PHOTON, type = coap.NON } = {}) {
    const payload = Buffer.from([0xff, 0xff, 0xff, 0xff, flags >> 8, flags & 255, 0, platform]);
    return { type, code: coap.POST, options: [[coap.PATH, 'h']], payload };
  }

  // Handshake, Hello, and the cloud's Hello. b: a Hello with the flag that only implementation B
  // sets. Throws when the cloud closes.
  async goOnline({ b = false, ...options } = {}) {
    if (!(await this.handshake(options))) {
      throw new Error('the cloud closed instead of answering the handshake');
    }
    await this.send(this.hello({ flags: b ? 2 : 0 }));
    await this.next((message) => coap.pathOf(message) === 'h', { what: 'the Hello of the cloud' });
    return this;
  }

  // Sends a message; an id of its own unless it has one. Resolves to the id.
  async send(message) {
    const id = message.id ?? this.nextId++ & 0xffff;
    await this.write(this.sealer.seal(coap.encode({ ...message, id })));
    return id;
  }

  publish(name, data = '', { confirm = false, isPublic = false, ttl } = {}) {
    const options = [
      [coap.PATH, isPublic ? 'e' : 'E'],
      [coap.PATH, name],
    ];
    if (ttl !== undefined) {
      options.push([coap.MAX_AGE, Buffer.from([ttl >> 16, (ttl >> 8) & 255, ttl & 255])]);
    }
    const type = confirm ? coap.CON : coap.NON;
    return this.send({ type, code: coap.POST, options, payload: data });
  }

  subscribe(prefix, { mine = false, device } = {}) {
    const options = [[coap.PATH, 'e']];
    if (prefix) {
      options.push([coap.PATH, prefix]);
    }
    if (mine) {
      options.push([coap.QUERY, 'u']);
    }
    return this.send({ type: coap.CON, code: coap.GET, options, payload: device ?? '' });
  }

  ping() {
    return this.send({ type: coap.CON, code: 0 });
  }

  next(fits, options = {}) {
    return this.messages.find(fits, { what: 'a message of the cloud', ...options });
  }

  // The empty acknowledgement of this id.
  ackOf(id, options) {
    const fits = (m) => m.type === coap.ACK && m.id === id;
    return this.next(fits, { what: `the ACK of ${id}`, ...options });
  }

  // Does a whole round trip, so that whatever the cloud sent before has come. Resolves to all of it.
  async settled() {
    await this.ackOf(await this.ping());
    return this.messages.items;
  }

  // app: { functions: { name: (argument) -> number or undefined }, variables: { name: { type,
  // bytes } }, deaf: no answers at all, foreignIds: pings answered under ids of our own,
  // answers: { letter: (message) -> what to do instead } }.
  onMessage(message) {
    this.messages.push(message);
    if (this.app.deaf || message.type !== coap.CON) {
      return;
    }
    const [letter, name] = coap.pathOf(message).split('/');
    const reply = { type: coap.ACK, id: message.id, token: message.token };
    if (this.app.answers?.[letter]) {
      this.app.answers[letter](message, reply);
    } else if (message.code === 0) {
      this.send({ type: coap.ACK, code: 0, id: this.app.foreignIds ? undefined : message.id });
    } else if (letter === 'd') {
      this.send({ ...reply, code: coap.CONTENT, payload: this.description() });
    } else if (letter === 'v') {
      const payload = this.app.variables[name].bytes;
      this.send({ ...reply, code: coap.CONTENT, payload });
    } else if (letter === 'f') {
      this.call(message, name);
    } else if (letter === 's') {
      this.send({ ...reply, code: coap.CHANGED });
    }
  }

  description() {
    const f = Object.keys(this.app.functions ?? {});
    const variables = Object.entries(this.app.variables ?? {});
    const v = Object.fromEntries(variables.map(([name, { type }]) => [name, type]));
    return JSON.stringify({ f, v, p: PHOTON, m: [] });
  }

  call(message, name) {
    this.send({ type: coap.ACK, code: 0, id: message.id });
    const result = this.app.functions[name](coap.queryOf(message)?.toString());
    if (result !== undefined) {
      const payload = Buffer.alloc(4);
      payload.writeInt32BE(result);
      this.send({ type: coap.NON, code: coap.CHANGED, token: message.token, payload });
    }
  }

  // How the cloud ended the connection.
  untilClosed(ms = 10 * SECOND) {
    return within(ms, 'the end of the connection by the cloud', this.closed);
  }

  close() {
    this.socket.destroy();
  }
}
