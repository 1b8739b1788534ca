// Files for the tests, made here: pictures of noise, sounds of one tone. And the two ways in which they are sent.

import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';

import { DEADLINE } from './client.mjs';
import { ackMismatch } from './fixtures.mjs';
import { nodes, token } from './stack.mjs';

/** A PNG picture of noise, which takes some 3 bytes a pixel; the same one for the same `seed`. */
export function picture(width, height, seed = 1) {
  const row = 1 + width * 3;
  const rows = Buffer.alloc(row * height);
  let state = seed;
  for (let at = 0; at < rows.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // Each row begins with its filter: none.
    rows[at] = at % row === 0 ? 0 : state >>> 24;
  }
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size.set([8, 2, 0, 0, 0], 8); // 8 bits a channel, red, green and blue
  const parts = [chunk('IHDR', size), chunk('IDAT', deflateSync(rows, { level: 1 })), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crcOf(body));
  return Buffer.concat([length, body, sum]);
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  return crc;
});

/** CRC-32 as in PNG; the oldest Node.js here has none. */
function crcOf(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A WAV sound of one tone, 16 bits, one channel. */
export function tone(seconds, rate = 8_000) {
  const samples = Math.round(seconds * rate);
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(samples * 2, 40);
  for (let at = 0; at < samples; at += 1) wav.writeInt16LE(Math.round(9_000 * Math.sin((at / rate) * 440 * 2 * Math.PI)), 44 + at * 2);
  return wav;
}

/** Sends a file by the socket and returns the ack; as `Client.request`, without printing the bytes. */
export async function sendFile(client, bytes, ...about) {
  const ack = await client.socket.timeout(DEADLINE).emitWithAck('send-file', bytes, ...about);
  assert.equal(ackMismatch('send-file', ack), null);
  return ack;
}

/** As `sendFile`, where success is expected. @returns {Promise<string>} the `mediaId` */
export async function queueFile(client, bytes, about) {
  const ack = await sendFile(client, bytes, about);
  assert.equal(ack.status, 'success', JSON.stringify(ack));
  return ack.mediaId;
}

/** Where files go past the nodes, as a page learns it. */
export async function mediaUrl(node = 0) {
  const { mediaUrl: url } = await (await fetch(`${nodes[node]}/config.json`)).json();
  return url;
}

/** A request to the media worker in a user's name. @returns {Promise<{ http: number, body: any }>} */
export async function askMedia(user, path, body) {
  const headers = { 'content-type': 'application/json', ...(user && { authorization: `Bearer ${await token(user)}` }) };
  const response = await fetch((await mediaUrl()) + path, { method: 'POST', headers, body: body && JSON.stringify(body) });
  return { http: response.status, body: await response.json() };
}

/** Posts the bytes to where a ticket says. @returns {Promise<number>} the HTTP status */
export async function postTo({ url, fields }, bytes) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob([bytes]));
  return (await fetch(url, { method: 'POST', body: form })).status;
}
