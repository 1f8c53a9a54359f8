// world.mjs - what most tests begin with: a cloud, an account, and devices that it knows.
import { Cli } from './cli.mjs';
import { Cyand } from './cyand.mjs';
import { RawDevice, publicPem } from './device.mjs';
import { Photon } from './photon.mjs';
import { SECOND } from './time.mjs';

// What no device can be named for is told between 10 and 20 s later.
const WINDOWS = 25 * SECOND;

export class World {
  static async start(t, options) {
    const world = new World();
    world.t = t;
    world.cyand = await Cyand.start(t, options);
    world.serverKey = await world.cyand.serverKey();
    return world;
  }

  // A raw device that the cloud knows, or a stranger.
  async device({ known = true, token, ...options } = {}) {
    const { t, cyand, serverKey } = this;
    const device = new RawDevice(t, { address: cyand.device, serverKey, ...options });
    if (known) {
      const answer = await cyand.provision(device.id, publicPem(device.key), token);
      if (answer.status >= 300) {
        throw new Error(`not provisioned: ${answer.status} ${answer.text}`);
      }
    }
    return device;
  }

  // PUT of a policy: { policy, for, ids, ... }. id: of that device, else of the account.
  async policy(change, { id, token } = {}) {
    const route = id ? `/v1/devices/${id}/key-policy` : '/v1/user/key-policy';
    const bearer = token ?? (await this.cyand.token());
    const answer = await this.cyand.request('PUT', route, { token: bearer, json: change });
    if (answer.status !== 200) {
      throw new Error(`no policy: ${answer.status} ${answer.text}`);
    }
    return answer.json;
  }

  // Waits until the log (which must be JSON) has told of so many failed handshakes with this cause.
  // A line tells how often its incident happened so far.
  async untilFailures(cause, count = 1) {
    const last = new Map();
    let sum = 0;
    await this.cyand.program.err.find((text) => {
      const line = JSON.parse(text);
      if (line.cause === cause && line.count !== undefined) {
        const who = `${line.claimed_device} ${line.address}`;
        const told = Number(line.count);
        const before = last.get(who) ?? 0;
        sum += told > before ? told - before : told; // not more: another incident
        last.set(who, told);
      }
      return sum >= count;
    }, { ms: WINDOWS, what: () => `${count} failures (${sum} told) with the cause ${cause}` });
    return sum;
  }

  async cli({ login = true } = {}) {
    const token = login ? await this.cyand.token() : undefined;
    return new Cli(this.t, { api: this.cyand.http, token });
  }

  // A virtual Photon set up as a user would: key and address of the server put on it, its own key
  // sent. address: where it dials, the cloud itself unless given.
  async photon({ impl, address = this.cyand.device, send = true } = {}) {
    const photon = await Photon.init(this.t, { impl });
    const cli = await this.cli();
    const [host, port] = address.split(':');
    await cli.data('keys', 'server', '--state', photon.state, '--host', host, '--port', port);
    if (send) {
      await cli.data('keys', 'send', '--state', photon.state);
    }
    return photon;
  }
}
