#!/usr/bin/env node
// make-vectors.mjs - computes the golden vectors of tests/vectors with node's crypto, apart from
// the C code. Nothing in them is random but the keys, which stay as they are in keys.txt.
//
//   make-vectors.mjs           writes the computed files
//   make-vectors.mjs --check   compares them with what it computes, and checks the examples of
//                              SPEC-wire too; exit 1 and one line when something differs
//   make-vectors.mjs --new-keys   draws other keys first (it takes a minute)
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

import { makeAnswer, makeRequest, openAnswer } from '../tests/e2e/lib/handshake.mjs';
import {
  encryptionBlock,
  firmwareWalk,
  fixedForm,
  keyParts,
  newKey,
  privateKeyFrom,
  publicKeyFrom,
  spkiOf,
} from '../tests/e2e/lib/rsa.mjs';
import { Opener, Sealer } from '../tests/e2e/lib/session.mjs';

const FOLDER = new URL('../tests/vectors/', import.meta.url);
const SLOT = 612;
const HALVES = ['p', 'q', 'dp', 'dq', 'qi'];

function fileOf(name) {
  return new URL(name, FOLDER);
}

function readVectors(name) {
  const vectors = {};
  for (const line of readFileSync(fileOf(name), 'utf8').split('\n')) {
    const match = /^(\w+): ([0-9a-f]*)$/.exec(line);
    if (match) {
      vectors[match[1]] = Buffer.from(match[2], 'hex');
    } else if (line !== '' && !line.startsWith('#')) {
      throw new Error(`${name}: a line that is no vector: ${line}`);
    }
  }
  return vectors;
}

function formatVectors(heading, vectors) {
  const lines = heading.map((line) => `# ${line}`);
  for (const [name, value] of Object.entries(vectors)) {
    lines.push(`${name}: ${Buffer.from(value).toString('hex')}`);
  }
  return lines.join('\n') + '\n';
}

// Bytes that look like noise and are the same every time.
function bytesOf(label, count) {
  const out = [];
  for (let i = 0; out.length * 32 < count; i++) {
    out.push(createHash('sha256').update(`cyan vectors ${label} ${i}`).digest());
  }
  return Buffer.concat(out).subarray(0, count);
}

function paddingOf(label, count) {
  return bytesOf(label, count).map((byte) => (byte === 0 ? 0x55 : byte));
}


const pkcs1 = (key) => key.export({ format: 'der', type: 'pkcs1' });
// Shorter than its full width in DER, where a top bit costs a byte.
const isShort = (value) => value[0] === 0 && value[1] < 0x80;

// A key for each integer that DER may write shorter than its full width, and some ordinary ones.
function drawShortKeys() {
  const wanted = new Set(['d', 'dp', 'dq', 'qi']);
  const found = {};
  let ordinary = 0;
  while (wanted.size > 0 || ordinary < 4) {
    const key = newKey(1024);
    const parts = keyParts(key);
    const name = [...wanted].find((part) => isShort(parts[part]));
    if (name) {
      wanted.delete(name);
      found[`natural_short_${name}`] = pkcs1(key);
    } else if (ordinary < 4) {
      found[`natural_${++ordinary}`] = pkcs1(key);
    }
  }
  return found;
}

function drawEcKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'der', type: 'sec1' });
}

function drawKeys() {
  return {
    server_key: pkcs1(newKey(2048)),
    other_server_key: pkcs1(newKey(2048)),
    device_key: fixedForm(newKey(1024)),
    other_device_key: fixedForm(newKey(1024)),
    ec_key: drawEcKey(),
    ...drawShortKeys(),
  };
}

const KEYS_HEADING = [
  'Keys for tests, drawn once by node\'s crypto. They guard nothing: everybody can read them.',
  'server_key, other_server_key, natural_*: PKCS#1 DER as node writes it; natural_short_X has an',
  'integer X that needs fewer bytes than its full width. device_key: the fixed-width form.',
  'ec_key: SEC1, P-256: a key of the wrong kind.',
];


function keysComputed(keys) {
  const out = {};
  for (const name of ['server_key', 'other_server_key', 'device_key', 'other_device_key']) {
    const spki = spkiOf(privateKeyFrom(keys[name]));
    out[name.replace('_key', '_spki')] = spki;
    out[name.replace('_key', '_fingerprint')] = createHash('sha256').update(spki).digest();
  }
  return out;
}

function keyblobs(keys) {
  const out = {};
  for (const name of Object.keys(keys).filter((key) => key.startsWith('natural_'))) {
    const key = privateKeyFrom(keys[name]);
    const slot = Buffer.alloc(SLOT, 0xff);
    keys[name].copy(slot);
    const walk = firmwareWalk(slot);
    const parts = keyParts(key);
    out[`${name}_n`] = parts.n;
    out[`${name}_d`] = parts.d;
    for (const part of HALVES) {
      out[`${name}_${part}`] = parts[part];
      out[`${name}_walk_${part}`] = walk[part];
    }
    out[`${name}_fixed`] = fixedForm(key);
  }
  return out;
}

function handshake(keys) {
  const serverKey = privateKeyFrom(keys.server_key);
  const deviceKey = privateKeyFrom(keys.device_key);
  const serverPublic = publicKeyFrom(spkiOf(serverKey));
  const devicePublic = publicKeyFrom(spkiOf(deviceKey));
  const spki = spkiOf(deviceKey);
  const nonce = bytesOf('nonce', 40);
  const id = Buffer.from('2f0030000447353138383138', 'hex');
  const out = { nonce, id };
  for (const [form, key] of [['long', spki], ['short', null]]) {
    const message = Buffer.concat([nonce, id, key ?? Buffer.alloc(0)]);
    const padding = paddingOf(`request ${form}`, 253 - message.length);
    out[`${form}_padding`] = padding;
    out[`${form}_block`] = encryptionBlock(message, 256, padding);
    out[`${form}_request`] = makeRequest({ serverKey: serverPublic, nonce, id, spki: key, padding });
  }
  const credentials = bytesOf('credentials', 40);
  const padding = paddingOf('answer', 85);
  const made = makeAnswer({ serverKey, deviceKey: devicePublic, credentials, padding });
  const opened = openAnswer({ serverKey: serverPublic, deviceKey, answer: made.answer });
  if (!opened.equals(credentials)) {
    throw new Error('the answer does not give its credentials back');
  }
  const foreignKey = privateKeyFrom(keys.other_server_key);
  const foreign = makeAnswer({ serverKey: foreignKey, deviceKey: devicePublic, credentials, padding });
  return {
    ...out,
    credentials,
    answer_padding: padding,
    answer_block: made.block,
    answer_ciphertext: made.ciphertext,
    answer_mac: made.mac,
    answer_signature: made.signature,
    answer: made.answer,
    answer_foreign_signature: foreign.answer,
  };
}

// Messages of every length from 1 to 48 in both directions, each direction one chain.
function session() {
  const credentials = bytesOf('credentials', 40);
  const out = { credentials };
  for (const direction of ['device', 'server']) {
    const sealer = new Sealer(credentials);
    for (let length = 1; length <= 48; length++) {
      const message = bytesOf(`${direction} message ${length}`, length);
      out[`${direction}_message_${length}`] = message;
      out[`${direction}_frame_${length}`] = sealer.seal(message);
    }
  }
  return out;
}

function addressRecord(type, value, port) {
  const record = Buffer.alloc(128, 0xff);
  record[0] = type;
  record[1] = value.length;
  Buffer.from(value).copy(record, 2);
  record.writeUInt16BE(port, 66);
  return record;
}

function addresses() {
  return {
    ipv4_192_168_1_10_port_5683: addressRecord(0, [192, 168, 1, 10], 5683),
    ipv4_127_0_0_1_port_1: addressRecord(0, [127, 0, 0, 1], 1),
    ipv4_255_255_255_255_port_65534: addressRecord(0, [255, 255, 255, 255], 65534),
    ipv4_0_9_10_99_no_port: addressRecord(0, [0, 9, 10, 99], 0xffff),
    ipv4_10_0_0_100_zero_port: addressRecord(0, [10, 0, 0, 100], 0),
    domain_short: addressRecord(1, 'a', 80),
    domain_spark: addressRecord(1, 'device.spark.io', 0xffff),
    domain_with_id: addressRecord(1, '$id.cloud_1.example-2.org', 5683),
    domain_63: addressRecord(1, 'x'.repeat(59) + '.net', 443),
  };
}

// A chain of the audit: canonical texts, their hashes, and the heads (SPEC-custody, section 8).
function auditChain() {
  const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
  const id = '0123456789abcdef01234567';
  const rows = [
    [1, 1790000000000, 1, id, 'approve', 'ann@example.org', '{"new":"9f4e","via":"blink"}'],
    [2, 1790000000001, 0, id, 'heal', '', '{}'],
    [3, 1790000000001, 2, '', 'policy', 'b\u00f6b', '{"policy":"strict"}'],
    [4294967297, 9007199254740991, 9007199254740991, id, 'revoke', 'x'.repeat(300), '{"a":[1,2]}'],
    [4294967298, 0, 1, '', '', '', ''],
  ];
  const out = { head_0: Buffer.alloc(32) };
  rows.forEach((row, i) => {
    const text = Buffer.from(row.join('\n'), 'utf8');
    out[`text_${i + 1}`] = text;
    out[`row_${i + 1}`] = sha256(text);
    out[`head_${i + 1}`] = sha256(Buffer.from('cyan-audit-v1'), out[`head_${i}`], out[`row_${i + 1}`]);
  });
  return out;
}

function computed(keys) {
  return {
    'keys.txt': formatVectors(KEYS_HEADING, keys),
    'keys-public.txt': formatVectors(
      ['Public halves of keys.txt and their SHA-256, computed by node\'s crypto.'],
      keysComputed(keys),
    ),
    'keyblob.txt': formatVectors(
      [
        'The natural_* keys of keys.txt, computed by node\'s crypto: their integers at full width,',
        'the fixed-width form, and walk_*, what the walk of the firmware finds in the natural form',
        'in a slot of 612 bytes that is FF behind it. A short integer makes the two differ.',
      ],
      keyblobs(keys),
    ),
    'handshake.txt': formatVectors(
      [
        'A whole handshake between server_key and device_key of keys.txt, computed by node\'s',
        'crypto: the long and the short request, the answer, and an answer that other_server_key',
        'signed.',
      ],
      handshake(keys),
    ),
    'session.txt': formatVectors(
      ['Frames after the handshake, in order, each direction one chain; computed by node\'s crypto.'],
      session(),
    ),
    'address.txt': formatVectors(
      ['Records of a server address, 128 bytes each, computed by this tool in JavaScript.'],
      addresses(),
    ),
    'audit-chain.txt': formatVectors(
      ['A chain of the audit: each row\'s canonical text, its hash and the head, by node\'s crypto.'],
      auditChain(),
    ),
  };
}


function differencesOfSpec() {
  const spec = readVectors('spec-session.txt');
  const wrong = [];
  const mac = createHmac('sha1', spec.credentials).update(spec.ciphertext).digest();
  if (!mac.equals(spec.hmac)) {
    wrong.push('spec-session.txt hmac');
  }
  for (const direction of ['device', 'server']) {
    const sealer = new Sealer(spec.credentials);
    const opener = new Opener(spec.credentials);
    for (const number of [1, 2]) {
      const message = spec[`${direction}_message_${number}`];
      const frame = spec[`${direction}_frame_${number}`];
      if (!sealer.seal(message).equals(frame) || !opener.push(frame)[0].equals(message)) {
        wrong.push(`spec-session.txt ${direction}_frame_${number}`);
      }
    }
  }
  return wrong;
}

function differences(files) {
  const wrong = differencesOfSpec();
  for (const [name, text] of Object.entries(files)) {
    const there = readFileSync(fileOf(name), 'utf8').split('\n');
    const line = text.split('\n').findIndex((wanted, i) => wanted !== there[i]);
    if (line >= 0 || there.length !== text.split('\n').length) {
      wrong.push(`${name}:${(line >= 0 ? line : there.length) + 1}`);
    }
  }
  return wrong;
}

function main(verb) {
  const keys = verb === '--new-keys' ? drawKeys() : readVectors('keys.txt');
  const files = computed(keys);
  if (verb === '--check') {
    const wrong = differences(files);
    console.log(wrong.length ? `vectors differ: ${wrong.join(', ')}` : 'vectors: all as computed');
    return wrong.length ? 1 : 0;
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(fileOf(name), text);
  }
  console.log(`vectors: ${Object.keys(files).length} files written`);
  return 0;
}

if (![undefined, '--check', '--new-keys'].includes(process.argv[2])) {
  console.error('usage: make-vectors.mjs [--check | --new-keys]');
  process.exitCode = 2;
} else {
  process.exitCode = main(process.argv[2]);
}
