// cyand.mjs - the cloud as a child, with an account, on ports of its own.
import path from 'node:path';

import { EventStream, request } from './http.mjs';
import { freshFolder, start } from './program.mjs';
import { SECOND, eventually } from './time.mjs';

export const USER = 'ann@example.org';
export const PASSWORD = 'a long enough secret';
const LOCAL = '127.0.0.1:0';

export class Cyand {
  // options: data (a folder), http, device (addresses), args (more words), env, wrapper.
  static async start(t, options = {}) {
    const cyand = new Cyand();
    cyand.t = t;
    cyand.options = { data: path.join(freshFolder(t), 'data'), ...options };
    await cyand.begin(options.http ?? LOCAL, options.device ?? LOCAL);
    return cyand;
  }

  get data() {
    return this.options.data;
  }

  async begin(http, device) {
    this.program = Cyand.spawn(this.t, this.options, http, device);
    const line = await this.program.out.find((text) => text.startsWith('cyand ready '), {
      ms: 20 * SECOND,
      what: () => `the ready line of cyand\n${this.program.err.tail()}`,
    });
    const ready = /^cyand ready http=(\S+) device=(\S+)$/.exec(line);
    if (!ready) {
      throw new Error(`a ready line of another form: ${line}`);
    }
    [, this.http, this.device] = ready;
  }

  // Starts it without waiting: for folders that it must refuse.
  static spawn(t, { data, args = [], env = {}, wrapper }, http = LOCAL, device = LOCAL) {
    return start(t, 'cyand', ['--data', data, '--http', http, '--device', device, ...args], {
      env: { CYAN_USER: USER, CYAN_PASSWORD: PASSWORD, ...env },
      wrapper,
    });
  }

  stop(signal) {
    return this.program.stop(signal);
  }

  // Ends it with this signal and starts it again on the same folder and ports.
  async restart(signal = 'SIGTERM') {
    const ended = await this.stop(signal);
    await this.begin(this.http, this.device);
    return ended;
  }

  request(method, route, options) {
    return request(this.http, method, route, options);
  }

  async login(user = USER, password = PASSWORD) {
    const answer = await this.request('POST', '/oauth/token', {
      form: {
        grant_type: 'password',
        username: user,
        password,
        client_id: 'particle',
        client_secret: 'particle',
      },
    });
    if (answer.status !== 200) {
      throw new Error(`no token: ${answer.status} ${answer.text}`);
    }
    return answer.json.access_token;
  }

  // The token of the first account, asked for once.
  async token() {
    this.kept ??= this.login();
    return this.kept;
  }

  // A second account; cyand must run with --signup.
  async signUp(user, password = PASSWORD) {
    const made = await this.request('POST', '/v1/users', { form: { username: user, password } });
    if (made.status !== 200 && made.status !== 201) {
      throw new Error(`no account: ${made.status} ${made.text}`);
    }
    return this.login(user, password);
  }

  async get(route, token) {
    return this.request('GET', route, { token: token ?? (await this.token()) });
  }

  async serverKey() {
    return (await this.request('GET', '/v1/system/server-key.der')).bytes;
  }

  async provision(id, publicKeyPem, token) {
    return this.request('POST', `/v1/provisioning/${id}`, {
      token: token ?? (await this.token()),
      form: {
        deviceID: id,
        publicKey: publicKeyPem,
        algorithm: 'rsa',
        filename: 'cyan',
        order: `manual_${Date.now()}`,
      },
    });
  }

  async stream(route, token) {
    return EventStream.open(this.t, this.http, route, { token: token ?? (await this.token()) });
  }

  async describe(id, token) {
    return (await this.get(`/v1/devices/${id}`, token)).json;
  }

  // Waits until the cloud says that the device is online, or offline.
  untilOnline(id, online = true) {
    const ask = async () => {
      const list = (await this.get('/v1/devices')).json;
      return list.find((device) => device.id === id && device.online === online);
    };
    return eventually(ask, { what: `device ${id} ${online ? 'online' : 'offline'}` });
  }
}
