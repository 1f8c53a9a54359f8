// world.mjs - what most tests begin with: a cloud, an account, and devices that it knows.
import { Cli } from './cli.mjs';
import { Cyand } from './cyand.mjs';
import { RawDevice, publicPem } from './device.mjs';
import { Photon } from './photon.mjs';

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
