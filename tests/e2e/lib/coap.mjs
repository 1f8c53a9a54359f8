// coap.mjs - the CoAP of the wire, written apart from the C code.
export const CON = 0;
export const NON = 1;
export const ACK = 2;
export const RST = 3;

export const GET = 1;
export const POST = 2;
export const PUT = 3;
export const CHANGED = 0x44;
export const CONTENT = 0x45;

export const PATH = 11;
export const MAX_AGE = 14;
export const QUERY = 15;

function nibble(value) {
  if (value < 13) {
    return [value, Buffer.alloc(0)];
  }
  if (value < 269) {
    return [13, Buffer.from([value - 13])];
  }
  return [14, Buffer.from([(value - 269) >> 8, (value - 269) & 255])];
}

// message: { type, code, id, token, options: [[number, value]…], payload }; numbers must rise.
export function encode({ type, code, id, token = '', options = [], payload = '' }) {
  const tokenBytes = Buffer.from(token);
  const out = [
    Buffer.from([0x40 | (type << 4) | tokenBytes.length, code, id >> 8, id & 255]),
    tokenBytes,
  ];
  let last = 0;
  for (const [number, value] of options) {
    const bytes = Buffer.from(value);
    const [delta, deltaMore] = nibble(number - last);
    const [length, lengthMore] = nibble(bytes.length);
    out.push(Buffer.from([(delta << 4) | length]), deltaMore, lengthMore, bytes);
    last = number;
  }
  const body = Buffer.from(payload);
  if (body.length > 0) {
    out.push(Buffer.from([0xff]), body);
  }
  return Buffer.concat(out);
}

// The same shape back; throws for what is no message.
export function decode(bytes) {
  let at = 4;
  const take = (count) => {
    if (at + count > bytes.length) {
      throw new Error('a message that ends too early');
    }
    at += count;
    return bytes.subarray(at - count, at);
  };
  const extended = (value) => {
    if (value === 15) {
      throw new Error('a reserved option');
    }
    return value < 13 ? value : value === 13 ? 13 + take(1)[0] : 269 + take(2).readUInt16BE(0);
  };
  if (bytes.length < 4 || bytes[0] >> 6 !== 1) {
    throw new Error('no CoAP of version 1');
  }
  const token = take(bytes[0] & 15);
  const options = [];
  let number = 0;
  while (at < bytes.length && bytes[at] !== 0xff) {
    const head = take(1)[0];
    number += extended(head >> 4);
    const length = extended(head & 15);
    options.push([number, take(length)]);
  }
  return {
    type: (bytes[0] >> 4) & 3,
    code: bytes[1],
    id: bytes.readUInt16BE(2),
    token,
    options,
    payload: bytes.subarray(Math.min(at + 1, bytes.length)),
  };
}

// The path of a decoded message as text, "e/temp".
export function pathOf(message) {
  return message.options.filter(([n]) => n === PATH).map(([, v]) => v.toString()).join('/');
}

export function queryOf(message) {
  const found = message.options.find(([n]) => n === QUERY);
  return found ? found[1] : null;
}
