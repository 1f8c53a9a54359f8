// program.mjs - one of our programs as a child: its lines, its end, and nothing left behind.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { Flow, SECOND, within } from './time.mjs';

const BIN = process.env.CYAN_BIN ?? new URL('../../../build/bin', import.meta.url).pathname;

export function binaryOf(name) {
  return path.join(BIN, name);
}

// When the test ends: what was made last is taken apart first.
const cleanups = new WeakMap();

export function atEnd(t, cleanup) {
  if (!cleanups.has(t)) {
    cleanups.set(t, []);
    t.after(() => takeApart(cleanups.get(t)));
  }
  cleanups.get(t).push(cleanup);
}

async function takeApart(stack) {
  const errors = [];
  while (stack.length > 0) {
    try {
      await stack.pop()();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) {
    throw errors[0];
  }
}

// A folder of the test's own, gone when it ends.
export function freshFolder(t) {
  const folder = mkdtempSync(path.join(tmpdir(), 'cyan-e2e-'));
  atEnd(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// The environment without what would lead our programs elsewhere.
export function cleanEnvironment(more = {}) {
  const env = { ...process.env, NO_COLOR: '1', TERM: 'dumb' };
  for (const name of Object.keys(env)) {
    if (name.startsWith('CYAN_') || name === 'XDG_CONFIG_HOME' || name === 'FORCE_COLOR') {
      delete env[name];
    }
  }
  return { ...env, ...more };
}

export class Program {
  // wrapper: words of a command that runs ours, such as a shell that sets a limit.
  constructor(name, args, { env = {}, input = '', wrapper = [] } = {}) {
    const [file, ...rest] = [...wrapper, binaryOf(name), ...args];
    this.name = name;
    this.out = new Flow();
    this.err = new Flow();
    this.child = spawn(file, rest, { env: cleanEnvironment(env), stdio: 'pipe' });
    this.child.stdin.on('error', () => {}); // it may end before it has read everything
    this.child.stdin.end(input);
    createInterface({ input: this.child.stdout }).on('line', (line) => this.out.push(line));
    createInterface({ input: this.child.stderr }).on('line', (line) => this.err.push(line));
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        const how = `${name} ended with ${signal ?? code}`;
        this.out.end(how);
        this.err.end(how);
        resolve({ code, signal });
      });
    });
  }

  get isRunning() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  // Its end: { code, signal }.
  end(ms = 20 * SECOND) {
    const what = () => `the end of ${this.name}\n${this.err.tail()}\n`;
    return within(ms, what, this.ended);
  }

  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    return this.end();
  }

  stdout() {
    return this.out.items.join('\n');
  }

  stderr() {
    return this.err.items.join('\n');
  }
}

// Starts a program that ends with the test at the latest. One that still runs then is asked to end,
// and must do so with 0: a sanitizer speaks at that moment.
export function start(t, name, args, options) {
  const program = new Program(name, args, options);
  atEnd(t, async () => {
    if (!program.isRunning) {
      return;
    }
    try {
      const { code, signal } = await program.stop();
      if (code !== 0) {
        throw new Error(`${name} ended with ${signal ?? code}\n${program.stderr()}`);
      }
    } finally {
      if (program.isRunning) {
        program.child.kill('SIGKILL');
        await program.ended;
      }
    }
  });
  return program;
}

// Runs a program to its end: { code, signal, stdout, stderr }.
export async function run(t, name, args, options = {}) {
  const program = start(t, name, args, options);
  const { code, signal } = await program.end(options.ms);
  return { code, signal, stdout: program.stdout(), stderr: program.stderr() };
}
