// time.mjs - deadlines. Nothing here sleeps: every wait is for something, and ends with words.

// Sanitizers make programs slower; CYAN_SLOW says how many times.
const SLOW = Number(process.env.CYAN_SLOW ?? 1);

export const SECOND = 1000;

export class DeadlineError extends Error {}

// The promise's result, or an error that says what did not come in time.
export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    const fail = () => reject(new DeadlineError(`${text(what)} did not come within ${ms} ms`));
    timer = setTimeout(fail, ms * SLOW);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function text(what) {
  return typeof what === 'function' ? what() : what;
}

// Things that come one after the other, each seen by whoever waits: a line, a message, an event.
export class Flow {
  constructor() {
    this.items = [];
    this.waiting = [];
    this.ended = null; // the reason, once nothing more will come
  }

  push(item) {
    this.items.push(item);
    for (const waiter of [...this.waiting]) {
      waiter();
    }
  }

  end(reason) {
    this.ended ??= reason;
    for (const waiter of [...this.waiting]) {
      waiter();
    }
  }

  // How many came so far: a place to look from.
  get mark() {
    return this.items.length;
  }

  // The first item from this place on that fits, also one that came already.
  async find(fits, { from = 0, ms = 10 * SECOND, what = 'something expected' } = {}) {
    let at = from;
    let waiter;
    const found = new Promise((resolve, reject) => {
      waiter = () => {
        for (; at < this.items.length; at++) {
          if (fits(this.items[at])) {
            resolve(this.items[at]);
            return;
          }
        }
        if (this.ended !== null) {
          reject(new Error(`${text(what)} never came: ${this.ended}\n${this.tail()}`));
        }
      };
    });
    this.waiting.push(waiter);
    waiter();
    try {
      return await within(ms, () => `${text(what)}\n${this.tail()}\n`, found);
    } finally {
      this.waiting.splice(this.waiting.indexOf(waiter), 1);
    }
  }

  tail() {
    const show = (item) => (typeof item === 'string' ? item : JSON.stringify(item));
    return this.items.slice(-15).map((item) => `    | ${show(item)}`).join('\n');
  }
}

// Asks again until the answer fits: for what can only be asked. The asking itself takes its time.
export async function eventually(ask, { ms = 10 * SECOND, what = 'the expected answer' } = {}) {
  let last;
  let stopped = false;
  const loop = async () => {
    while (!stopped) {
      last = await ask();
      if (last) {
        return last;
      }
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    return undefined;
  };
  try {
    return await within(ms, what, loop());
  } finally {
    stopped = true;
  }
}
