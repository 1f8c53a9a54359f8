// property.test.mjs - a random walk over devices and accounts beside a model that knows which keys
// are trusted. CYAN_SEED=n walks that seed alone; CYAN_STEPS says how far.
import { randomInt } from 'node:crypto';
import test from 'node:test';

import { DeadlineError } from './lib/time.mjs';
import { Walk } from './lib/walk.mjs';

const SLOW = Number(process.env.CYAN_SLOW ?? 1);
const STEPS = Number(process.env.CYAN_STEPS ?? Math.round(260 / SLOW));
const SEEDS = process.env.CYAN_SEED ? [Number(process.env.CYAN_SEED)] : [1, 2, randomInt(1e9)];

test('no key but the trusted one has a full session, whatever happens', { concurrency: 3 }, async (t) => {
  const walk = (seed) => t.test(`seed ${seed}`, async (sub) => {
    const walked = await Walk.start(sub, seed);
    try {
      await walked.run(STEPS);
    } catch (error) {
      const late = error instanceof DeadlineError ? 'late: ' : '';
      throw new Error(`${late}${error.message}\nCYAN_SEED=${seed}\n${walked.steps.join('\n')}\n${walked.tell()}\n${walked.world.cyand.program.err.tail()}\n${walked.said()}`, { cause: error });
    }
  });
  await Promise.all(SEEDS.map(walk));
});
