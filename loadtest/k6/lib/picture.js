// Pictures to send, made here: PNG, of noise, not compressed. And bytes put together, which k6 has no way for.

/** Of one stored block of zlib. */
const BLOCK = 65535;

/** A PNG picture, which takes some 3 bytes a pixel; the same one for the same `seed`. */
export function picture(width, height, seed) {
  const row = 1 + width * 3;
  const rows = new Uint8Array(row * height);
  let state = seed;
  for (let at = 0; at < rows.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Each row begins with its filter: none.
    rows[at] = at % row === 0 ? 0 : state >>> 24;
  }
  // 8 bits a channel; red, green and blue.
  const header = joined([bigEndian(width), bigEndian(height), new Uint8Array([8, 2, 0, 0, 0])]);
  const signature = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return joined([signature, chunk('IHDR', header), chunk('IDAT', stored(rows)), chunk('IEND', new Uint8Array(0))]).buffer;
}

/** A form for S3: `fields`, then the file, behind which S3 reads nothing. */
export function form(fields, file, boundary) {
  const parts = Object.keys(fields).map(
    (name) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${fields[name]}\r\n`,
  );
  const before = `${parts.join('')}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n`;
  return joined([bytesOf(before), new Uint8Array(file), bytesOf(`\r\n--${boundary}--\r\n`)]).buffer;
}

/** Of a text in ASCII. */
const bytesOf = (text) => Uint8Array.from(Array.from(text), (character) => character.charCodeAt(0));

const bigEndian = (value) => new Uint8Array([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function chunk(type, data) {
  const body = joined([bytesOf(type), data]);
  return joined([bigEndian(data.length), body, bigEndian(crcOf(body))]);
}

/** Data as zlib has it, in blocks that are just kept. */
function stored(data) {
  const parts = [new Uint8Array([0x78, 0x01])];
  for (let at = 0; at < data.length; at += BLOCK) {
    const block = data.subarray(at, at + BLOCK);
    const last = at + BLOCK >= data.length ? 1 : 0;
    const size = [block.length & 255, block.length >>> 8];
    parts.push(new Uint8Array([last, ...size, size[0] ^ 255, size[1] ^ 255]), block);
  }
  return joined([...parts, bigEndian(adlerOf(data))]);
}

const CRC = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  return crc;
});

function crcOf(bytes) {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at += 1) crc = CRC[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function adlerOf(bytes) {
  let [low, high] = [1, 0];
  for (let at = 0; at < bytes.length; at += 1) {
    low = (low + bytes[at]) % 65521;
    high = (high + low) % 65521;
  }
  return ((high << 16) | low) >>> 0;
}
