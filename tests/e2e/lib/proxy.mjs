// proxy.mjs - stands between a device and the cloud: records what the cloud writes, changes a byte,
// cuts everything into pieces, hangs up.
import net from 'node:net';

import { splitAddress } from './http.mjs';
import { atEnd } from './program.mjs';

export class Proxy {
  // toDevice, toServer: (bytes, offset in the stream of this connection) -> bytes or a list of
  // pieces, each written on its own; nothing given: as they come.
  static async start(t, target, { toDevice, toServer } = {}) {
    const proxy = new Proxy();
    proxy.connections = [];
    proxy.server = net.createServer({ noDelay: true }, (device) => {
      proxy.join(device, target, toDevice, toServer);
    });
    await new Promise((resolve) => {
      proxy.server.listen(0, '127.0.0.1', resolve);
    });
    proxy.address = `127.0.0.1:${proxy.server.address().port}`;
    atEnd(t, () => proxy.stop());
    return proxy;
  }

  join(device, target, toDevice, toServer) {
    const [host, port] = splitAddress(target);
    const server = net.connect({ host, port, noDelay: true });
    const connection = { device, server, fromServer: [], fromDevice: [] };
    this.connections.push(connection);
    pump(server, device, toDevice, connection.fromServer);
    pump(device, server, toServer, connection.fromDevice);
  }

  // Ends every connection, without ceremony.
  drop() {
    for (const { device, server } of this.connections) {
      device.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  stop() {
    this.server.close();
    this.drop();
  }
}

function pump(from, to, change, record) {
  let offset = 0;
  from.on('data', (bytes) => {
    record.push(bytes);
    const changed = change ? change(Buffer.from(bytes), offset) : bytes;
    offset += bytes.length;
    for (const piece of Array.isArray(changed) ? changed : [changed]) {
      to.write(piece);
    }
  });
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
  from.on('close', () => to.end());
}
