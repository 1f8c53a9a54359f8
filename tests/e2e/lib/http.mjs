// http.mjs - requests without kept connections, raw ones, and a reader of event streams.
import http from 'node:http';
import net from 'node:net';

import { atEnd } from './program.mjs';
import { Flow, SECOND, within } from './time.mjs';

function bodyOf({ json, form }) {
  if (json !== undefined) {
    return { type: 'application/json', bytes: JSON.stringify(json) };
  }
  if (form !== undefined) {
    return {
      type: 'application/x-www-form-urlencoded',
      bytes: new URLSearchParams(form).toString(),
    };
  }
  return {};
}

// address: "host:port". Resolves to { status, headers, text, json }; json is undefined for other
// content.
export function request(address, method, path, options = {}) {
  const { token, headers = {}, body, ms = 20 * SECOND } = options;
  const made = bodyOf(options);
  const bytes = body ?? made.bytes;
  const all = { ...headers };
  if (token) {
    all.Authorization = `Bearer ${token}`;
  }
  if (made.type) {
    all['Content-Type'] = made.type;
  }
  if (bytes !== undefined) {
    all['Content-Length'] = Buffer.byteLength(bytes);
  }
  const [host, port] = splitAddress(address);
  const done = new Promise((resolve, reject) => {
    const sent = http.request({ host, port, method, path, headers: all, agent: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve(answerOf(response, Buffer.concat(parts))));
    });
    sent.end(bytes);
  });
  return within(ms, `the answer to ${method} ${path}`, done);
}

function answerOf(response, bytes) {
  const answer = { status: response.statusCode, headers: response.headers, bytes };
  answer.text = bytes.toString();
  if ((response.headers['content-type'] ?? '').startsWith('application/json')) {
    answer.json = JSON.parse(answer.text);
  }
  return answer;
}

export function splitAddress(address) {
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon), Number(address.slice(colon + 1))];
}

// Sends bytes as they are. Resolves to the head of the answer, or to '' when the other end closes
// without one.
export function rawRequest(address, bytes, { ms = 20 * SECOND } = {}) {
  const [host, port] = splitAddress(address);
  const socket = net.connect({ host, port });
  let text = '';
  const done = new Promise((resolve) => {
    socket.on('connect', () => socket.write(bytes));
    socket.on('error', () => {}); // a reset is an answer too
    socket.on('close', () => resolve(text));
    socket.on('data', (part) => {
      text += part;
      if (text.includes('\r\n\r\n')) {
        resolve(text);
      }
    });
  });
  return within(ms, 'an answer or the end of a connection', done).finally(() => socket.destroy());
}

// Sends bytes and leaves, without waiting for anything.
export function sendAndLeave(address, bytes) {
  const [host, port] = splitAddress(address);
  const socket = net.connect({ host, port });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('connect', () => socket.end(bytes, resolve));
  }).finally(() => socket.destroy());
}

// A stream of events. Items of `events`: { name, data, ttl, published_at, coreid, raw }.
export class EventStream {
  static async open(t, address, path, { token } = {}) {
    const stream = new EventStream();
    const [host, port] = splitAddress(address);
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    stream.events = new Flow();
    stream.text = '';
    stream.request = http.get({ host, port, path, headers, agent: false });
    atEnd(t, () => stream.close());
    stream.request.on('error', (error) => stream.events.end(error.message));
    const response = new Promise((resolve, reject) => {
      stream.request.on('response', resolve);
      stream.request.on('error', reject);
    });
    stream.response = await within(10 * SECOND, `the head of ${path}`, response);
    stream.response.setEncoding('utf8');
    stream.response.on('data', (part) => stream.take(part));
    stream.response.on('error', (error) => stream.events.end(error.message));
    stream.response.on('close', () => stream.events.end('the stream was closed'));
    return stream;
  }

  take(text) {
    this.text += text;
    this.rest = (this.rest ?? '') + text;
    let at;
    while ((at = this.rest.indexOf('\n\n')) >= 0) {
      const block = this.rest.slice(0, at).replace(/^\n+/, '');
      this.rest = this.rest.slice(at + 2);
      // By \n alone: "$" and "." of a pattern would stop at other line ends, which JSON may hold.
      const lines = block.split('\n');
      const name = lines.find((line) => line.startsWith('event: '));
      const data = lines.find((line) => line.startsWith('data: '));
      if (name && data) {
        this.events.push({ name: name.slice(7), ...JSON.parse(data.slice(6)), raw: block });
      }
    }
  }

  next(fits, options = {}) {
    return this.events.find(fits, { what: 'an event of the stream', ...options });
  }

  close() {
    this.request.destroy();
  }
}
