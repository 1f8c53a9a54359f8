// http.test.mjs - the HTTP face: who gets in, what is told to whom, and what bad input does.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import test from 'node:test';

import { PASSWORD, USER } from './lib/cyand.mjs';
import { publicPem } from './lib/device.mjs';
import { rawRequest, request, sendAndLeave } from './lib/http.mjs';
import { newKey } from './lib/rsa.mjs';
import { eventually } from './lib/time.mjs';
import { World } from './lib/world.mjs';

const CLIENTS = [
  ['particle', 'particle'],
  ['particle-cli', 'particle-cli'],
  ['CLI2', 'client_secret_here'],
  ['particle-api', 'particle-api'],
  ['spark', 'spark'],
  ['spark-server', 'spark-server'],
];

// Every route of a device: [method, what follows /v1/devices/ID].
const DEVICE_ROUTES = [
  ['GET', ''],
  ['GET', '/variable'],
  ['POST', '/function'],
  ['PUT', '/ping'],
  ['PUT', ''],
  ['GET', '/events'],
  ['GET', '/events/prefix'],
];
const OTHER_ROUTES = [
  ['GET', '/v1/user'],
  ['GET', '/v1/devices'],
  ['POST', '/v1/devices/events'],
  ['GET', '/v1/events'],
  ['GET', '/v1/events/prefix'],
  ['GET', '/v1/devices/events'],
  ['GET', '/v1/devices/events/prefix'],
  ['DELETE', '/v1/access_tokens/current'],
];

function grant(world, form) {
  return world.cyand.request('POST', '/oauth/token', { form });
}

const passwordGrant = (more = {}) => ({
  grant_type: 'password',
  username: USER,
  password: PASSWORD,
  client_id: 'particle',
  client_secret: 'particle',
  ...more,
});

test('every well-known pair of a client gets a token, in the body and by Basic', async (t) => {
  const world = await World.start(t);
  for (const [client_id, client_secret] of CLIENTS) {
    const answer = await grant(world, passwordGrant({ client_id, client_secret }));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.token_type, 'bearer');
    assert.equal(answer.json.expires_in, 7776000);
    assert.match(answer.json.access_token, /^[0-9a-f]{40,}$/);
    assert.match(answer.json.refresh_token, /^[0-9a-f]{40,}$/);
    assert.equal((await world.cyand.get('/v1/user', answer.json.access_token)).status, 200);
  }
  const basic = Buffer.from('particle:particle').toString('base64');
  const byBasic = await world.cyand.request('POST', '/oauth/token', {
    headers: { Authorization: `Basic ${basic}` },
    form: { grant_type: 'password', username: USER, password: PASSWORD },
  });
  assert.equal(byBasic.status, 200, byBasic.text);
});

test('wrong grants are told apart as OAuth says', async (t) => {
  const world = await World.start(t);
  const cases = [
    [400, 'invalid_grant', passwordGrant({ password: 'wrong' })],
    [400, 'invalid_grant', passwordGrant({ username: 'nobody@example.org' })],
    [400, 'invalid_client', passwordGrant({ client_id: 'stranger' })],
    [400, 'invalid_client', passwordGrant({ client_secret: 'wrong' })],
    [400, 'unsupported_grant_type', passwordGrant({ grant_type: 'telepathy' })],
    [400, 'invalid_request', passwordGrant({ grant_type: '' })],
    [400, 'invalid_request', { grant_type: 'password', client_id: 'particle', client_secret: 'particle' }],
    [400, 'unauthorized_client', { ...passwordGrant(), grant_type: 'client_credentials' }],
    [400, 'invalid_grant', { ...passwordGrant(), grant_type: 'refresh_token', refresh_token: 'ab'.repeat(20) }],
  ];
  for (const [status, error, form] of cases) {
    const answer = await grant(world, form);
    assert.deepEqual([answer.status, answer.json.error], [status, error], JSON.stringify(form));
    assert.equal(typeof answer.json.error_description, 'string');
  }
});

test('a refresh token gives new tokens once', async (t) => {
  const world = await World.start(t);
  const first = (await grant(world, passwordGrant())).json;
  const form = { ...passwordGrant(), grant_type: 'refresh_token', refresh_token: first.refresh_token };
  const second = await grant(world, form);
  assert.equal(second.status, 200, second.text);
  assert.notEqual(second.json.refresh_token, first.refresh_token);
  assert.equal((await world.cyand.get('/v1/user', second.json.access_token)).status, 200);
  const again = await grant(world, form);
  assert.deepEqual([again.status, again.json.error], [400, 'invalid_grant']);
});

test('a token ends when it is asked to and when it is deleted', async (t) => {
  const world = await World.start(t);
  const short = (await grant(world, passwordGrant({ expires_in: 1 }))).json;
  assert.equal(short.expires_in, 1);
  const expired = await eventually(async () => {
    const answer = await world.cyand.get('/v1/user', short.access_token);
    return answer.status === 200 ? null : answer;
  });
  assert.equal(expired.status, 401);
  assert.ok(['expired_token', 'invalid_token'].includes(expired.json.error));

  const token = await world.cyand.login();
  const gone = await world.cyand.request('DELETE', '/v1/access_tokens/current', { token });
  assert.equal(gone.status, 200);
  assert.equal((await world.cyand.get('/v1/user', token)).status, 401);
  assert.equal((await world.cyand.get('/v1/user')).status, 200);
});

test('every route but the open ones wants a token, and a good one', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  const routes = [
    ...OTHER_ROUTES,
    ...DEVICE_ROUTES.map(([method, rest]) => [method, `/v1/devices/${device.id}${rest}`]),
    ['POST', `/v1/provisioning/${device.id}`],
  ];
  const bad = [undefined, '', 'x', 'ab'.repeat(20), 'ä', 'a'.repeat(5000), `${await world.cyand.token()}x`];
  for (const [method, route] of routes) {
    for (const token of bad) {
      const headers = token === undefined ? {} : { Authorization: `Bearer ${encodeURI(token)}` };
      const answer = await world.cyand.request(method, route, { headers });
      assert.equal(answer.status, 401, `${method} ${route} with ${token}: ${answer.text}`);
      assert.equal(answer.json.error, 'invalid_token');
      assert.equal(typeof answer.json.error_description, 'string');
    }
  }
  for (const route of ['/healthz', '/v1/system/server-key.pem', '/v1/system/server-key.der']) {
    assert.equal((await world.cyand.request('GET', route)).status, 200);
  }
});

test('a token counts in the header, in the query of a GET, and in a form, and is never logged', async (t) => {
  const world = await World.start(t);
  const token = await world.cyand.token();
  const { cyand } = world;
  assert.equal((await cyand.request('GET', `/v1/user?access_token=${token}`)).status, 200);
  const form = { access_token: token, name: 'x', private: 'true' };
  assert.equal((await cyand.request('POST', '/v1/devices/events', { form })).status, 200);
  await cyand.stop();
  assert.equal(cyand.program.stderr().includes(token), false);
  assert.equal(cyand.program.stderr().includes(PASSWORD), false);
});

test('another account gets 403 on every route of a device and sees nothing of it', async (t) => {
  const world = await World.start(t, { args: ['--signup'] });
  const bea = await world.cyand.signUp('bea@example.org');
  const device = await world.device();
  device.app = { functions: { function: () => 1 } };
  await device.goOnline();
  const before = device.messages.mark;
  for (const [method, rest] of DEVICE_ROUTES) {
    const options = { token: bea, form: method === 'GET' ? undefined : { signal: '1' } };
    const answer = await world.cyand.request(method, `/v1/devices/${device.id}${rest}`, options);
    assert.equal(answer.status, 403, `${method} ${rest}: ${answer.text}`);
    assert.equal(answer.json.ok, false);
    assert.equal(answer.json.error, 'Permission Denied');
  }
  const stolen = await world.cyand.provision(device.id, publicPem(newKey(1024)), bea);
  assert.equal(stolen.status, 403);
  assert.deepEqual((await world.cyand.get('/v1/devices', bea)).json, []);
  assert.equal((await device.settled()).length, before + 1); // nothing was asked of the device
  // Its key is still its own.
  await device.goOnline();
});

test('an unknown device is 404 and a device that is offline says so', async (t) => {
  const world = await World.start(t);
  const device = await world.device();
  const token = await world.cyand.token();
  for (const id of ['0'.repeat(24), 'nobody', 'x', '%2e%2e', '0'.repeat(23), '0'.repeat(25)]) {
    const answer = await world.cyand.get(`/v1/devices/${id}`);
    assert.equal(answer.status, 404, `${id}: ${answer.text}`);
    assert.equal(answer.json.code, 'NOT_FOUND');
  }
  const called = await world.cyand.request('POST', `/v1/devices/${device.id}/f`, { token });
  assert.deepEqual([called.status, called.json.code], [404, 'DEVICE_OFFLINE']);
  const shown = await world.cyand.get(`/v1/devices/${device.id}`);
  assert.equal(shown.status, 200);
  assert.deepEqual([shown.json.online, shown.json.connected], [false, false]);
});

test('a public key is taken only when it is RSA-1024 in PEM', async (t) => {
  const world = await World.start(t);
  const id = randomBytes(12).toString('hex');
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const good = publicPem(newKey(1024));
  const even = Buffer.from(good.replace(/-----.*-----|\n/g, ''), 'base64');
  even[156] &= 0xfe;
  const bad = {
    empty: '',
    words: 'not a key',
    'cut PEM': good.slice(0, 150),
    'no end': good.replace(/-----END.*/s, ''),
    'RSA-2048': publicPem(newKey(2048)),
    'RSA-512': publicPem(newKey(512)),
    EC: ec.export({ type: 'spki', format: 'pem' }),
    'private key': newKey(1024).export({ type: 'pkcs1', format: 'pem' }),
    'even modulus': `-----BEGIN PUBLIC KEY-----\n${even.toString('base64')}\n-----END PUBLIC KEY-----\n`,
    long: 'A'.repeat(20000),
  };
  for (const [what, pem] of Object.entries(bad)) {
    const answer = await world.cyand.provision(id, pem);
    assert.equal(answer.status, 400, `${what}: ${answer.status} ${answer.text}`);
    assert.equal(answer.json.ok, false);
    assert.equal(typeof answer.json.error, 'string');
  }
  for (const wrong of ['xyz', '', '0'.repeat(23), '0'.repeat(26), 'g'.repeat(24)]) {
    const answer = await world.cyand.provision(wrong, good);
    assert.ok(answer.status >= 400 && answer.status < 500, `${wrong}: ${answer.status}`);
  }
  assert.deepEqual((await world.cyand.get('/v1/devices')).json, []);
  assert.ok((await world.cyand.provision(id.toUpperCase(), good)).status < 300);
  assert.equal((await world.cyand.get('/v1/devices')).json[0].id, id);
});

test('an uploaded key leaves the old one trusted until it proves itself, and not longer', async (t) => {
  const world = await World.start(t);
  const old = await world.device();
  await old.goOnline();
  await world.policy({ policy: 'strict' });
  const replaced = await world.device({ id: old.id });
  await old.settled();
  await old.goOnline();
  await replaced.goOnline();
  await old.untilClosed();
  assert.equal(await old.handshake(), false);
  await replaced.settled();
});

test('sign-up is off unless the cloud was started with it', async (t) => {
  const closed = await World.start(t);
  const form = { username: 'bea@example.org', password: PASSWORD };
  const refused = await closed.cyand.request('POST', '/v1/users', { form });
  assert.deepEqual([refused.status, refused.json.ok], [403, false]);
  const open = await World.start(t, { args: ['--signup'] });
  const bea = await open.cyand.signUp(form.username);
  assert.equal((await open.cyand.get('/v1/user', bea)).json.username, form.username);
  const twice = await open.cyand.request('POST', '/v1/users', { form });
  assert.equal(twice.status, 400);
  for (const bad of [{}, { username: 'x@y' }, { password: 'p' }, { username: '', password: '' }]) {
    const answer = await open.cyand.request('POST', '/v1/users', { form: bad });
    assert.equal(answer.status, 400, JSON.stringify(bad));
  }
});

test('ten wrong passwords lock that account from that address and no other account', async (t) => {
  const world = await World.start(t, { args: ['--signup'] });
  await world.cyand.signUp('bea@example.org');
  for (let i = 0; i < 10; i++) {
    const answer = await grant(world, passwordGrant({ password: `wrong ${i}` }));
    assert.equal(answer.status, 400, `attempt ${i}: ${answer.status}`);
  }
  const locked = await grant(world, passwordGrant());
  assert.equal(locked.status, 429, locked.text);
  assert.equal(typeof locked.json.error, 'string');
  await world.cyand.login('bea@example.org');
});

test('the server key is the same as PEM and DER', async (t) => {
  const world = await World.start(t);
  assert.equal(world.serverKey.length, 294);
  const pem = await world.cyand.request('GET', '/v1/system/server-key.pem');
  const key = createPublicKey(pem.text);
  assert.deepEqual(key.export({ type: 'spki', format: 'der' }), world.serverKey);
  assert.equal(key.asymmetricKeyDetails.modulusLength, 2048);
});

test('unknown routes and methods answer in JSON, and browsers may ask', async (t) => {
  const world = await World.start(t);
  const token = await world.cyand.token();
  for (const route of ['/', '/v1', '/v1/', '/v2/devices', '/favicon.ico', '/v1/nothing']) {
    const answer = await world.cyand.request('GET', route, { token });
    assert.equal(answer.status, 404, `${route}: ${answer.status}`);
    assert.equal(answer.json.ok, false);
  }
  for (const [method, route] of [['PATCH', '/v1/devices'], ['DELETE', '/v1/user'], ['POST', '/healthz']]) {
    const answer = await world.cyand.request(method, route, { token });
    assert.ok([404, 405].includes(answer.status), `${method} ${route}: ${answer.status}`);
    assert.equal(answer.json.ok, false);
  }
  const options = await world.cyand.request('OPTIONS', '/v1/devices');
  assert.equal(options.status, 204);
  assert.equal(options.headers['access-control-allow-origin'], '*');
});

test('reserved event names are refused from the API', async (t) => {
  const world = await World.start(t);
  const token = await world.cyand.token();
  const publish = (form) => world.cyand.request('POST', '/v1/devices/events', { token, form });
  const bad = ['cyan/x', 'spark/status', 'particle/x', '', 'n'.repeat(65), 'a\nb', 'a\0b', undefined];
  for (const name of bad) {
    const answer = await publish(name === undefined ? { data: 'x' } : { name, data: 'x' });
    assert.equal(answer.status, 400, `${name}: ${answer.status} ${answer.text}`);
    assert.equal(answer.json.ok, false);
  }
  for (const name of ['x', 'n'.repeat(64), 'with space', 'grün', 'a/b/c']) {
    assert.equal((await publish({ name, data: 'x' })).status, 200, name);
  }
  assert.equal((await publish({ name: 'x', data: 'd'.repeat(10000) })).status, 400);
});

test('bodies that are no JSON, or JSON of another shape, are one clear error', async (t) => {
  const world = await World.start(t);
  const token = await world.cyand.token();
  const bodies = [
    '{', '}', '[]', 'null', '"x"', '1', '{"name":', '{"name":{}}', '{"name":["x"]}',
    '{"name":"x"}}', '{"name":"x"', "{'name':'x'}", '{"name":"\\ud800"}', '{"na\\u0000me":"x"}',
    Buffer.from('7b226e616d65223a22ff227d', 'hex'), '['.repeat(50000), '{"a":'.repeat(10000),
    Buffer.alloc(1000), '\ufeff{"name":"x"}',
  ];
  for (const body of bodies) {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await world.cyand.request('POST', '/v1/devices/events', { token, headers, body });
    assert.equal(answer.status, 400, `${String(body).slice(0, 40)}: ${answer.status} ${answer.text}`);
    assert.equal(answer.json.ok, false);
  }
  const large = await world.cyand.request('POST', '/v1/devices/events', {
    token,
    json: { name: 'x', data: 'd'.repeat(200000) },
  });
  assert.equal(large.status, 413);
  assert.equal(large.json.ok, false);
  assert.equal((await world.cyand.request('GET', '/healthz')).status, 200);
});

test('a request cut at every byte does nothing, and the whole one does it once', async (t) => {
  const world = await World.start(t);
  const token = await world.cyand.token();
  const stream = await world.cyand.stream('/v1/devices/events');
  const body = 'name=cut&data=y';
  const whole = [
    'POST /v1/devices/events HTTP/1.1',
    'Host: cloud',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${body.length}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
  for (let length = 0; length < whole.length; length++) {
    await sendAndLeave(world.cyand.http, whole.slice(0, length));
  }
  assert.match(await rawRequest(world.cyand.http, whole), /^HTTP\/1\.1 200 OK/);
  await world.cyand.request('POST', '/v1/devices/events', { token, form: { name: 'last' } });
  await stream.next((event) => event.name === 'last');
  assert.deepEqual(stream.events.items.map((event) => event.name), ['cut', 'last']);
});

test('what is no HTTP, or far too much of it, is refused or closed and nothing more', async (t) => {
  const world = await World.start(t);
  const token = await world.cyand.token();
  const head = (more) => `GET /healthz HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
  const bad = [
    'hello\r\n\r\n', 'GET\r\n\r\n', 'GET /\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n',
    `GET /${'a'.repeat(100000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    head(`X: ${'a'.repeat(100000)}\r\n`),
    head('X: y\r\n'.repeat(20000)),
    head('Content-Length: -1\r\n'),
    head('Content-Length: 99999999999999999999\r\n'),
    `${head('Transfer-Encoding: chunked\r\n')}zz\r\n\r\n`,
    `${randomBytes(4096).toString('latin1')}\r\n\r\n`,
    '\x16\x03\x01\x02\x00\x01\r\n\r\n',
  ];
  for (const bytes of bad) {
    const answer = await rawRequest(world.cyand.http, bytes);
    assert.ok(answer === '' || /^HTTP\/1\.[01] [2-5]\d\d /.test(answer), answer.slice(0, 80));
  }
  const name = 'n'.repeat(3000);
  for (const route of [`/v1/devices/${name}`, `/v1/devices/x/${name}`, `/v1/${name}`]) {
    const answer = await request(world.cyand.http, 'GET', route, { token });
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
    assert.equal(answer.json.ok, false);
  }
  const zeroes = await world.cyand.get(`/v1/devices/${'%00'.repeat(24)}`);
  assert.ok(zeroes.status >= 400 && zeroes.status < 500);
  assert.equal((await world.cyand.request('GET', '/healthz')).status, 200);
});
