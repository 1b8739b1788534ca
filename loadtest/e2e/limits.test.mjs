// A client that asks for too much is told so and when to come again; nobody else notices. On a node of its
// own (`strictNode`): 10 events of a socket at once and 25 of a user, then 5 a second; 20 connections at
// once, then 1 a second.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';

import { Client, TRANSPORTS, connect, member, newRoom, newUser } from './support/client.mjs';
import { bounds } from './support/fixtures.mjs';
import { strictNode } from './support/stack.mjs';

const SOCKET_BURST = 10;
const USER_BURST = 25;
const CONNECTIONS = 20;

const strict = { url: strictNode };
assert.ok(strictNode, 'STARLING_STRICT_NODE is not set; run this with `cargo test -p loadtest`');

/** Sends so many messages at once; the acks, those of messages that were stored first. */
async function flood(clients, room, count) {
  const saying = Array.from({ length: count }, (_, n) =>
    clients[n % clients.length].request('chat-message', { room, content: `message ${n}` }));
  const acks = await Promise.all(saying);
  return { stored: acks.filter((ack) => ack.status === 'success'), refused: acks.filter((ack) => ack.status !== 'success') };
}

function assertLimited(refused, whose) {
  for (const ack of refused) {
    assert.equal(ack.code, 'rate_limited', JSON.stringify(ack));
    assert.ok(Number.isInteger(ack.retryAfter) && ack.retryAfter > 0 && ack.retryAfter < 10_000, JSON.stringify(ack));
  }
  assert.ok(refused.some((ack) => ack.message.includes(whose)), JSON.stringify(refused[0]));
}

for (const transports of [['websocket'], ['polling']]) {
  test(`events beyond the rate, by ${transports}, are answered rate_limited; after retryAfter all is well`, async (t) => {
    const room = newRoom();
    const other = await member(t, room);
    const client = await member(t, room, { ...strict, transports });
    const { stored, refused } = await flood([client], room, 2 * SOCKET_BURST);
    assert.ok(stored.length >= SOCKET_BURST - 1 && refused.length > 0, `${stored.length} stored, ${refused.length} refused`);
    assertLimited(refused, 'this connection');
    await other.messagesUpTo(room, stored.length);
    // Nobody was told of the others.
    await other.say(room, 'well');
    await Promise.all([client.message(room, 'well'), other.message(room, 'well')]);
    assert.equal(other.contents(room).length, stored.length + 1);

    await sleep(Math.max(...refused.map((ack) => ack.retryAfter)));
    await client.say(room, 'again');
    await other.message(room, 'again');
    assert.ok(client.socket.connected);
  });
}

test('all connections of a user share its rate; those of others do not', async (t) => {
  const [room, user] = [newRoom(), newUser()];
  const other = await member(t, room, strict);
  const clients = [];
  for (let n = 0; n < 4; n += 1) clients.push(await member(t, room, { ...strict, user }));
  const { stored, refused } = await flood(clients, room, 4 * (SOCKET_BURST - 2));
  assert.ok(stored.length < USER_BURST, `${stored.length} stored`);
  assertLimited(refused, 'all your connections');
  await other.say(room, 'undisturbed');
});

describe('what is too large', () => {
  test('is refused as an event, and the connection stays', async (t) => {
    const room = newRoom();
    const client = await member(t, room, strict);
    await client.fail('too_large', 'history', { room, padding: 'x'.repeat(bounds.maxEventBytes) });
    await client.say(room, 'after');
  });

  for (const transports of TRANSPORTS) {
    test(`ends the connection beyond every bound, by ${transports.join(' then ')}, and no other`, async (t) => {
      const room = newRoom();
      const other = await member(t, room);
      const client = await member(t, room, { transports });
      client.socket.emit('send-file', Buffer.alloc(bounds.maxFileBytes + 1_000_000), { room });
      await client.disconnected();
      await other.say(room, 'undisturbed');
      await (await connect(t, { transports })).join(room);
    });

    test(`ends a connection without a token much sooner, by ${transports.join(' then ')}`, async (t) => {
      const auth = { token: 'x'.repeat(2 * bounds.maxEventBytes) };
      const client = new Client(newUser(), { transports, auth });
      t.after(() => client.end());
      const closed = new Promise((resolve) => client.socket.io.once('close', resolve));
      client.socket.connect();
      await closed;
      assert.ok(!client.socket.connected);
      await connect(t, { transports });
    });
  }
});

test('connections beyond the rate get 429 and Retry-After; who is in stays, and who waits comes in', async (t) => {
  const open = `${strictNode}/socket.io/?EIO=4&transport=polling`;
  const before = await connect(t, strict).catch(() => undefined);
  let answer;
  for (let n = 0; n <= CONNECTIONS; n += 1) {
    answer = await fetch(open);
    if (answer.status !== 200) break;
  }
  assert.equal(answer.status, 429);
  assert.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
  assert.equal((await answer.json()).code, 4);
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  if (before) await before.settled();

  // As every client does by default: it tries again by itself.
  const patient = await connect(t, {
    ...strict,
    user: newUser(),
    socket: { reconnection: true, reconnectionDelay: 500, reconnectionDelayMax: 2_000 },
  });
  await patient.join(newRoom());
});
