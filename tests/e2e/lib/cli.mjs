// cli.mjs - the command line with a home of its own.
import { freshFolder, run } from './program.mjs';

export class Cli {
  constructor(t, { api, token } = {}) {
    this.t = t;
    this.home = freshFolder(t);
    this.env = { HOME: this.home, XDG_CONFIG_HOME: this.home };
    if (api) {
      this.env.CYAN_API = `http://${api}`;
    }
    if (token) {
      this.env.CYAN_TOKEN = token;
    }
  }

  // { code, stdout, stderr, json }: json of --json, when there is one document.
  async run(...args) {
    const input = typeof args.at(-1) === 'object' ? args.pop().input : '';
    const done = await run(this.t, 'cyan', args, { env: this.env, input });
    try {
      done.json = JSON.parse(done.stdout);
    } catch {
      done.json = undefined;
    }
    return done;
  }

  // The same for a command that must work: its data.
  async data(...args) {
    const done = await this.run(...args, '--json');
    if (done.code !== 0 || !done.json?.ok) {
      throw new Error(`cyan ${args.join(' ')}: ${done.code}\n${done.stdout}\n${done.stderr}`);
    }
    return done.json.data;
  }
}
