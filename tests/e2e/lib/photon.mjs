// photon.mjs - the virtual Photon as a child, with its JSON lines.
import path from 'node:path';
import { readFileSync } from 'node:fs';

import { freshFolder, run, start } from './program.mjs';
import { Flow, SECOND } from './time.mjs';

export const RED = '#FF0000';
export const ORANGE = '#FF6000';
export const MAGENTA = '#FF00FF';
export const CYAN = '#00FFFF';

export class Photon {
  // A new state; server: "host:port" or nothing.
  static async init(t, { server, impl } = {}) {
    const photon = new Photon();
    photon.t = t;
    photon.impl = impl;
    photon.state = path.join(freshFolder(t), 'photon');
    const args = ['--state', photon.state, '--init', '--json'];
    const made = await run(t, 'cyan-photon', server ? [...args, '--server', server] : args);
    if (made.code !== 0) {
      throw new Error(`no state: ${made.code} ${made.stderr}`);
    }
    return photon;
  }

  get id() {
    return JSON.parse(readFileSync(path.join(this.state, 'photon.json'), 'utf8')).id;
  }

  start(...args) {
    const impl = this.impl ? ['--impl', this.impl] : [];
    this.program = start(this.t, 'cyan-photon', ['--state', this.state, '--json', ...impl, ...args]);
    this.lines = new Flow();
    const { out } = this.program;
    out.push = (line) => {
      Flow.prototype.push.call(out, line);
      this.lines.push(JSON.parse(line));
    };
    out.end = (reason) => {
      Flow.prototype.end.call(out, reason);
      this.lines.end(`${reason}\n${this.program.err.tail()}`);
    };
    return this;
  }

  line(fits, options = {}) {
    return this.lines.find(fits, { ms: 20 * SECOND, what: 'a line of the Photon', ...options });
  }

  untilConnected(options) {
    return this.line((line) => line.ev === 'state' && line.state === 'connected', {
      what: 'the Photon connected',
      ...options,
    });
  }

  untilBreathingCyan(options) {
    const fits = (line) => line.ev === 'led' && line.color === CYAN && line.pattern === 'breathe';
    return this.line(fits, { what: 'the Photon breathing cyan', ...options });
  }

  // The code of the first handshake that fails.
  untilFailed(options) {
    return this.line((line) => line.ev === 'handshake' && line.code !== 0, {
      what: 'a failed handshake',
      ...options,
    });
  }

  led(color, options) {
    return this.line((line) => line.ev === 'led' && line.color === color, {
      what: `the LED ${color}`,
      ...options,
    });
  }

  stop(signal) {
    return this.program.stop(signal);
  }
}
