// model.mjs - which key of a device is trusted, as docs/SPEC-custody.md says it: no sockets, no
// cloud. Keys are numbers. Where the SPEC leaves it open what comes (whether an old session answered
// before a heal, say), a ruling is `open`, and the walk looks.
const RULES = ['heal', 'enroll']; // what made a key trusted without a human
const CHANGES = ['adopt', 'trust', 'enroll', 'heal', 'return'];

export function isChange(effect) {
  return CHANGES.includes(effect);
}

// One device id. accounts: name -> { policy, isOperator }, shared by all.
export class Model {
  constructor(accounts) {
    this.accounts = accounts;
    this.known = false;
    this.owner = null;
    this.keys = new Map(); // number -> { state, via, by }: via and by tell how it was replaced
    this.strangers = new Map(); // number -> pending or denied, while the id is unknown
    this.bindings = []; // [{ account, key }], the oldest first
    this.policy = null;
    this.window = null; // when it opened
    this.heard = -1; // when a full session was heard last
    this.hasHello = this.healed = this.healOff = this.maybeClone = this.useOther = false;
    this.live = []; // [{ key, kind: full or held, ...what the walk adds }], the oldest first
  }

  stateOf(key) {
    return this.keys.get(key)?.state ?? 'none';
  }

  find(state) {
    return [...this.keys].find(([, entry]) => entry.state === state)?.[0];
  }

  get trusted() {
    return this.find('trusted');
  }

  get full() {
    return this.live.find((session) => session.kind === 'full');
  }

  rivals(key) {
    return [...this.keys].filter(([k, { state }]) => state === 'pending' && k !== key).length;
  }

  get base() {
    return this.policy ?? this.accounts[this.owner]?.policy ?? 'quarantine';
  }

  get keyState() {
    const pending = this.rivals();
    if (pending > 0) {
      return pending > 1 ? 'contested' : 'pending';
    }
    if (this.trusted !== undefined) {
      return 'trusted';
    }
    return this.find('revoked') !== undefined ? 'revoked' : 'none';
  }

  // --- judgement: { verdict, effect, open } ---

  judge(key) {
    if (!this.known) {
      return this.judgeUnknown(key);
    }
    switch (this.stateOf(key)) {
      case 'trusted':
        return { verdict: 'full', effect: 'seen' };
      case 'announced':
        return { verdict: 'full', effect: 'trust' };
      case 'denied':
      case 'revoked':
        return { verdict: 'refuse' };
      case 'retired':
        return this.judgeRetired(key);
      default:
        return this.judgeNew(key);
    }
  }

  judgeUnknown(key) {
    if (this.bindings.some((binding) => binding.key === key)) {
      return { verdict: 'full', effect: 'adopt' };
    }
    return this.strangers.get(key) === 'denied' ? { verdict: 'refuse' } : { verdict: 'held', effect: 'pend' };
  }

  // The policy that counts for a key that is not trusted.
  policyFor(key) {
    const serves = this.window !== null && this.rivals(key) === 0 && !this.full && this.heard < this.window;
    return serves ? 'enroll' : this.base;
  }

  // Only what heal or a window did is undone by a key that comes back, and only while that stands.
  judgeRetired(key) {
    const { via, by } = this.keys.get(key);
    if (this.policyFor(key) === 'strict') {
      return { verdict: 'refuse' };
    }
    if (this.trusted === undefined) {
      return { verdict: 'full', effect: 'return', open: true }; // as retired, or as new
    }
    const undoes = RULES.includes(via) && by === this.trusted && this.keys.get(by).source === via;
    return undoes ? { verdict: 'full', effect: 'return' } : { verdict: 'held', effect: 'clone' };
  }

  judgeNew(key) {
    const policy = this.policyFor(key);
    if (policy === 'enroll') {
      return { verdict: 'full', effect: 'enroll' };
    }
    if (policy === 'strict') {
      return { verdict: 'refuse' };
    }
    const alone = this.rivals(key) === 0 && this.trusted !== undefined;
    const heals = policy === 'heal' && alone && this.hasHello && !this.healed && !this.healOff;
    if (heals) {
      return { verdict: 'full', effect: 'heal', open: this.maybeClone || Boolean(this.full) };
    }
    return { verdict: 'held', effect: 'pend' };
  }

  // The key to which 52 bytes are answered, or nothing.
  shortTarget() {
    if (!this.known) {
      return (this.useOther && this.bindings[1] ? this.bindings[1] : this.bindings[0])?.key;
    }
    const announced = this.find('announced');
    const other = this.useOther && this.trusted !== undefined;
    return announced !== undefined && !other ? announced : this.trusted;
  }

  // --- changes ---

  trust(key, via) {
    const old = this.trusted;
    if (old !== undefined && old !== key) {
      this.keys.set(old, { state: 'retired', via, by: key });
    }
    this.keys.set(key, { state: 'trusted', source: via });
  }

  found(key, owner) {
    Object.assign(this, { known: true, owner, bindings: [] });
    this.strangers.clear();
    this.keys = new Map([[key, { state: 'trusted' }]]);
  }

  apply(key, effect) {
    switch (effect) {
      case 'adopt':
        this.found(key, this.bindings.find((binding) => binding.key === key).account);
        break;
      case 'trust':
        this.trust(key, 'upload');
        break;
      case 'enroll':
        this.window = null;
        this.trust(key, 'enroll');
        break;
      case 'heal':
        this.healed = true;
        this.trust(key, 'heal');
        break;
      case 'return':
        if (this.trusted !== undefined) {
          this.keys.set(this.trusted, { state: 'pending' });
        }
        this.healOff = true;
        this.keys.set(key, { state: 'trusted' });
        break;
      case 'pend':
        (this.known ? this.keys : this.strangers).set(key, this.known ? { state: 'pending' } : 'pending');
        break;
      default:
        break;
    }
  }

  // What an order answers: 200, 409 or 404, and it is done.
  order(account, key, action) {
    const { isOperator } = this.accounts[account];
    if (!this.known) {
      return isOperator && this.strangers.has(key) ? this.orderOnStranger(account, key, action) : 404;
    }
    if (this.owner !== account && !(this.owner === null && isOperator)) {
      return 404;
    }
    const state = this.stateOf(key);
    if (state === 'none') {
      return 404;
    }
    return this[action](key, state);
  }

  orderOnStranger(account, key, action) {
    if (action === 'approve') {
      this.found(key, account);
    } else if (action === 'deny') {
      this.strangers.set(key, 'denied');
    } else {
      return 409;
    }
    return 200;
  }

  approve(key, state) {
    if (state === 'revoked') {
      return 409;
    }
    if (state !== 'trusted') {
      this.trust(key, 'human');
    }
    return 200;
  }

  deny(key, state) {
    if (state === 'announced') {
      this.keys.delete(key);
    } else if (state === 'pending') {
      this.keys.set(key, { state: 'denied' });
    } else if (state !== 'denied') {
      return 409;
    }
    return 200;
  }

  revoke(key, state) {
    const announced = this.find('announced');
    this.keys.set(key, { state: 'revoked' });
    if (state === 'trusted' && announced !== undefined) {
      this.keys.set(announced, { state: 'trusted' });
    }
    return 200;
  }

  unrevoke(key, state) {
    if (state !== 'revoked') {
      return 409;
    }
    this.keys.set(key, { state: 'retired', via: 'human' });
    return 200;
  }

  revert(key, state) {
    if (state !== 'retired') {
      return 409;
    }
    this.trust(key, 'human');
    return 200;
  }

  upload(account, key) {
    if (!this.known) {
      this.bindings = this.bindings.filter((binding) => binding.account !== account);
      this.bindings.push({ account, key });
      return 200;
    }
    if (this.owner !== account) {
      return 403;
    }
    const state = this.stateOf(key);
    if (state === 'revoked') {
      return 409;
    }
    const announced = this.find('announced');
    if (announced !== undefined && announced !== key) {
      this.keys.delete(announced);
    }
    if (state === 'pending' || this.trusted === undefined) {
      this.trust(key, 'upload');
    } else if (state !== 'trusted') {
      this.keys.set(key, { state: 'announced' });
    }
    return 200;
  }

  claim(account) {
    if (!this.known) {
      return 404;
    }
    if (this.owner !== null && this.owner !== account) {
      return 403;
    }
    this.owner = account;
    return 200;
  }

  // 200: sessions that are held end.
  release(account) {
    if (!this.known) {
      const before = this.bindings.length;
      this.bindings = this.bindings.filter((binding) => binding.account !== account);
      return this.bindings.length < before ? 200 : 404;
    }
    if (this.owner !== account) {
      return 404;
    }
    Object.assign(this, { owner: null, policy: null, window: null });
    this.keys.delete(this.find('announced')); // no way back into it
    return 200;
  }

  restarted() {
    this.live = [];
    this.strangers.clear();
    this.maybeClone = this.useOther = false;
  }
}
