// rsa.mjs - the RSA of the wire, written apart from the C code: raw operations of node's crypto,
// our own PKCS#1 v1.5 blocks, and device keys in the two forms that matter to a Photon.
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';

const NO_PADDING = constants.RSA_NO_PADDING;

export function rawPublic(publicKey, block) {
  return publicEncrypt({ key: publicKey, padding: NO_PADDING }, block);
}

export function rawPrivate(privateKey, block) {
  return privateDecrypt({ key: privateKey, padding: NO_PADDING }, block);
}

// count bytes that are not 0, as the padding of a block of type 2 wants them.
export function randomPadding(count) {
  const bytes = randomBytes(count);
  for (let i = 0; i < count; i++) {
    bytes[i] = bytes[i] === 0 ? 1 : bytes[i];
  }
  return bytes;
}

export function encryptionBlock(message, size, padding = randomPadding(size - message.length - 3)) {
  const block = Buffer.concat([Buffer.from([0, 2]), padding, Buffer.from([0]), message]);
  if (block.length !== size) {
    throw new Error(`a block of ${block.length} bytes, not ${size}`);
  }
  return block;
}

// The message in a block of type 2, or null.
export function openEncryptionBlock(block) {
  const separator = block.indexOf(0, 2);
  return block[0] === 0 && block[1] === 2 && separator >= 10 ? block.subarray(separator + 1) : null;
}

export function signatureBlock(digest, size) {
  const fill = Buffer.alloc(size - digest.length - 3, 0xff);
  return Buffer.concat([Buffer.from([0, 1]), fill, Buffer.from([0]), digest]);
}

const PARTS = [
  ['n', 128],
  ['d', 128],
  ['p', 64],
  ['q', 64],
  ['dp', 64],
  ['dq', 64],
  ['qi', 64],
];

function fixedInteger(value) {
  const length = value.length + 1;
  const head = length > 127 ? [2, 0x81, length, 0] : [2, length, 0];
  return Buffer.concat([Buffer.from(head), value]);
}

// The INTEGERs of a PKCS#1 key, in order. (Exporting a key as JWK can deadlock in node 20.)
function integersOf(der) {
  const integers = [];
  let at = 4; // behind the header of the SEQUENCE, which is always longer than 255 bytes
  while (at < der.length) {
    const long = der[at + 1] & 0x80 ? der[at + 1] & 0x7f : 0;
    const length = long ? der.readUIntBE(at + 2, long) : der[at + 1];
    at += 2 + long + length;
    integers.push(der.subarray(at - length, at));
  }
  return integers;
}

// The integers of an RSA-1024 key at full width: { n, d, p, q, dp, dq, qi }.
export function keyParts(privateKey) {
  const integers = integersOf(privateKey.export({ format: 'der', type: 'pkcs1' }));
  const [, n, , ...others] = integers; // without the version and the exponent e
  const parts = {};
  [n, ...others].forEach((integer, i) => {
    const [name, width] = PARTS[i];
    const value = integer.subarray(Math.max(0, integer.length - width));
    parts[name] = Buffer.concat([Buffer.alloc(width - value.length), value]);
  });
  return parts;
}

// The fixed-width PKCS#1 form that a Photon's firmware writes itself: 611 bytes.
export function fixedForm(privateKey) {
  const k = keyParts(privateKey);
  const e = Buffer.from([2, 3, 1, 0, 1]);
  const halves = [k.p, k.q, k.dp, k.dq, k.qi].map(fixedInteger);
  const head = Buffer.from([0x30, 0x82, 0x02, 0x5f, 2, 1, 0]);
  return Buffer.concat([head, fixedInteger(k.n), e, fixedInteger(k.d), ...halves]);
}

// Where the walk of the firmware ends up in a slot of 612 bytes: strides, and bit 0 of each length
// octet for the question whether a 00 stands before the value.
export function firmwareWalk(slot) {
  const found = {};
  let at = 9;
  for (const [name, width] of PARTS) {
    at += 1 + (slot[at] & 1);
    found[name] = slot.subarray(at, at + width);
    at += width + (name === 'n' ? 7 : 1);
  }
  return found;
}

export function spkiOf(key) {
  return createPublicKey(key).export({ format: 'der', type: 'spki' });
}

export function privateKeyFrom(der) {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs1' });
}

export function publicKeyFrom(spki) {
  return createPublicKey({ key: spki, format: 'der', type: 'spki' });
}

export function newKey(bits) {
  return generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: 65537 }).privateKey;
}
