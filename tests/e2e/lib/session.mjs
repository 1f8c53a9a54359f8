// session.mjs - what follows the handshake, written apart from the C code: frames and the chained
// AES-CBC of one direction.
import { createCipheriv, createDecipheriv } from 'node:crypto';

const BLOCK = 16;

export class Sealer {
  constructor(credentials) {
    this.key = credentials.subarray(0, 16);
    this.iv = credentials.subarray(16, 32);
  }

  // A whole frame of these bytes, which must come in blocks: the padding is the caller's.
  sealBlocks(blocks) {
    const cipher = createCipheriv('aes-128-cbc', this.key, this.iv).setAutoPadding(false);
    const body = Buffer.concat([cipher.update(blocks), cipher.final()]);
    this.iv = body.subarray(0, BLOCK);
    return Buffer.concat([Buffer.from([body.length >> 8, body.length & 255]), body]);
  }

  seal(message) {
    const pad = BLOCK - (message.length % BLOCK);
    return this.sealBlocks(Buffer.concat([message, Buffer.alloc(pad, pad)]));
  }
}

export class Opener {
  constructor(credentials) {
    this.key = credentials.subarray(0, 16);
    this.iv = credentials.subarray(16, 32);
    this.pending = Buffer.alloc(0);
  }

  open(body) {
    const cipher = createDecipheriv('aes-128-cbc', this.key, this.iv);
    this.iv = Buffer.from(body.subarray(0, BLOCK));
    return Buffer.concat([cipher.update(body), cipher.final()]);
  }

  // The messages that are whole now.
  push(bytes) {
    this.pending = Buffer.concat([this.pending, bytes]);
    const messages = [];
    while (this.pending.length >= 2 && this.pending.length >= 2 + this.pending.readUInt16BE(0)) {
      const end = 2 + this.pending.readUInt16BE(0);
      messages.push(this.open(this.pending.subarray(2, end)));
      this.pending = this.pending.subarray(end);
    }
    return messages;
  }
}
