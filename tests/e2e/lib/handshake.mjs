// handshake.mjs - both ends of the handshake as pure functions, written apart from the C code.
import { createHmac } from 'node:crypto';

import {
  encryptionBlock,
  openEncryptionBlock,
  rawPrivate,
  rawPublic,
  signatureBlock,
} from './rsa.mjs';

export const NONCE_LEN = 40;
export const REQUEST_LEN = 256;
export const ANSWER_LEN = 384;
const CIPHERTEXT_LEN = 128;
const CREDENTIALS_LEN = 40;

// Device: 256 bytes for the server. spki is null for the short form of 52 bytes.
export function makeRequest({ serverKey, nonce, id, spki, padding }) {
  const message = Buffer.concat([nonce, id, spki ?? Buffer.alloc(0)]);
  return rawPublic(serverKey, encryptionBlock(message, REQUEST_LEN, padding));
}

function macOf(credentials, ciphertext) {
  return createHmac('sha1', credentials).update(ciphertext).digest();
}

// Server: every step of the answer, for vectors.
export function makeAnswer({ serverKey, deviceKey, credentials, padding }) {
  const block = encryptionBlock(credentials, CIPHERTEXT_LEN, padding);
  const ciphertext = rawPublic(deviceKey, block);
  const mac = macOf(credentials, ciphertext);
  const signature = rawPrivate(serverKey, signatureBlock(mac, REQUEST_LEN));
  return { block, ciphertext, mac, signature, answer: Buffer.concat([ciphertext, signature]) };
}

// Device: the credentials of an answer. Throws with code 6 (cannot decipher) or 8 (signature), the
// numbers that a device's log has for them.
export function openAnswer({ serverKey, deviceKey, answer }) {
  const ciphertext = answer.subarray(0, CIPHERTEXT_LEN);
  const credentials = openEncryptionBlock(rawPrivate(deviceKey, ciphertext));
  if (!credentials || credentials.length !== CREDENTIALS_LEN) {
    throw Object.assign(new Error('the answer cannot be deciphered'), { code: 6 });
  }
  const found = rawPublic(serverKey, answer.subarray(CIPHERTEXT_LEN));
  if (!found.equals(signatureBlock(macOf(credentials, ciphertext), REQUEST_LEN))) {
    throw Object.assign(new Error('the signature is wrong'), { code: 8 });
  }
  return credentials;
}
