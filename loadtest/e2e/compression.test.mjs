// permessage-deflate with the library that socket.io-client uses in Node.js: it offers it by itself and, as
// engine.io-client has it, compresses what is longer than 1,024 bytes. And polls, which ask for gzip.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connect, member, newRoom, newUser } from './support/client.mjs';
import { bounds } from './support/fixtures.mjs';
import { nodes, token } from './support/stack.mjs';

/** What somebody might write, of 1,000 characters: the most that a message may have. */
const PROSE = `I looked at the plan for the release again and I think that we should move the migration to Thursday,
because the team in Lisbon is not there on Wednesday and nobody else knows how the old importer works. If that is fine
with everybody, I will write to the customers this afternoon; otherwise please tell me before three. About the second
point: the numbers in the report do not match what we see on the dashboard. Maria says it is the time zone, Jonas says
it is the cache, and I believe that both are right. Could someone have a look at the query in the billing service? It
joins the invoices twice, and the totals are rounded before they are added. Last thing, the coffee machine on the
second floor is broken again, so go to the first floor or bring your own. The photos of Saturday are in the shared
folder, and thanks again to all who helped to clean up afterwards. See you tomorrow at the stand-up, or at lunch if you
do not make it in time, and do not forget that the fire drill is on Friday morning.`.replaceAll('\n', ' ').padEnd(1_000, '.').slice(0, 1_000);

const EXTENSION = 'permessage-deflate';
const webSocket = (client) => client.socket.io.engine.transport.ws;

/** Sends what socket.io-client sends; `threshold` bytes and more are compressed. */
const compressing = (threshold) => ({ socket: { perMessageDeflate: { threshold } } });
const plain = { socket: { perMessageDeflate: false } };

test('is negotiated without context takeover, and not with those who do not want it', async (t) => {
  const agreed = webSocket(await connect(t))._extensions[EXTENSION].params;
  assert.deepEqual({ ...agreed }, { server_no_context_takeover: true, client_no_context_takeover: true });
  assert.equal(webSocket(await connect(t, plain)).extensions, '');
});

test('texts of any length arrive, from and to clients with and without it', async (t) => {
  const room = newRoom();
  const clients = [
    await member(t, room),
    await member(t, room, { node: 1 }),
    await member(t, room, compressing(0)),
    await member(t, room, { ...plain, node: 1 }),
    await member(t, room, { transports: ['polling', 'websocket'] }),
    await member(t, room, { transports: ['polling'] }),
  ];
  const texts = [];
  for (const [at, client] of clients.entries()) {
    for (const length of [1, 100, 300, 500, 1_000]) {
      const text = `${at} ${PROSE}`.slice(0, length - 1) + at;
      texts.push(text);
      await client.say(room, text);
    }
  }
  for (const client of clients) {
    await client.messagesUpTo(room, texts.length);
    assert.deepEqual(client.contents(room), texts);
    const { messages } = await client.succeed('history', { room, limit: 50 });
    assert.deepEqual(messages.map((message) => message.content), texts);
  }
});

test('a text of 1 KB is at most 60 % of its bytes on the wire, both ways', async (t) => {
  const room = newRoom();
  const spent = async (options) => {
    const sender = await member(t, room, options);
    const receiver = await member(t, room, { ...options, node: 1 });
    const socket = (client) => webSocket(client)._socket;
    const least = { sent: Infinity, received: Infinity };
    for (let n = 0; n < 20; n += 1) {
      const [sent, received] = [socket(sender).bytesWritten, socket(receiver).bytesRead];
      const text = `${n} ${PROSE}`.slice(0, 1_000);
      await sender.say(room, text);
      await receiver.message(room, text);
      // With some come pings, and who is there.
      least.sent = Math.min(least.sent, socket(sender).bytesWritten - sent);
      least.received = Math.min(least.received, socket(receiver).bytesRead - received);
    }
    return least;
  };
  const [as, compressed] = [await spent(plain), await spent(compressing(512))];
  t.diagnostic(`sent ${as.sent} bytes, ${compressed.sent} compressed; received ${as.received}, ${compressed.received} compressed`);
  assert.ok(compressed.received <= 0.6 * as.received, `${compressed.received} of ${as.received} bytes received`);
  assert.ok(compressed.sent <= 0.65 * as.sent, `${compressed.sent} of ${as.sent} bytes sent`);
});

test('a node counts what it saves, for each who is sent it compressed', async (t) => {
  const count = async () => {
    const text = await (await fetch(`${nodes[1]}/metrics`)).text();
    return ['plain', 'sent'].map((which) => Number(text.match(new RegExp(`^starling_deflate_${which}_bytes_total (\\d+)$`, 'm'))[1]));
  };
  const room = newRoom();
  const sender = await member(t, room);
  const receivers = [await member(t, room, { node: 1 }), await member(t, room, { node: 1 })];
  await member(t, room, { ...plain, node: 1 });
  const before = await count();
  await sender.say(room, PROSE);
  for (const receiver of receivers) await receiver.message(room, PROSE);
  const [uncompressed, sent] = (await count()).map((bytes, at) => bytes - before[at]);
  // What surrounds the text is some 250 bytes; who is there may come with it.
  assert.ok(uncompressed > 2 * PROSE.length && uncompressed < 5 * PROSE.length, `${uncompressed} bytes uncompressed`);
  assert.ok(sent > 0 && sent < 0.65 * uncompressed, `${sent} of ${uncompressed} bytes`);
});

test('what is too large is so however small it was made', async (t) => {
  const room = newRoom();
  const other = await member(t, room);
  const client = await member(t, room, compressing(0));
  await client.fail('too_large', 'history', { room, padding: 'x'.repeat(bounds.maxEventBytes) });
  await client.fail('too_long', 'chat-message', { room, content: 'x'.repeat(1_001) });
  await client.say(room, 'after');
  client.socket.emit('send-file', Buffer.alloc(bounds.maxFileBytes + 1_000_000), { room });
  await client.disconnected();
  await other.say(room, 'undisturbed');
});

test('a long answer to a poll is compressed, a short one is not', async (t) => {
  const room = newRoom();
  const speaker = await member(t, room);
  for (let n = 0; n < 5; n += 1) await speaker.say(room, `${n} ${PROSE}`.slice(0, 1_000));
  const url = `${nodes[0]}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
  const auth = { token: await token(newUser(), 0), rooms: { [room]: 0 } };
  await fetch(`${url}&sid=${sid}`, { method: 'POST', body: `40${JSON.stringify(auth)}` });
  let came = '';
  const encodings = new Set();
  while (!came.includes('"4 I looked')) {
    const answer = await fetch(`${url}&sid=${sid}`, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('vary'), /accept-encoding/i);
    const encoding = answer.headers.get('content-encoding');
    encodings.add(encoding);
    const text = await answer.text();
    const bytes = Buffer.byteLength(text);
    assert.equal(encoding === 'gzip', bytes >= 1_024, `${bytes} bytes came ${encoding}`);
    came += text;
  }
  assert.ok(encodings.has('gzip'));
  await fetch(`${url}&sid=${sid}`, { method: 'POST', body: '1' });
});
