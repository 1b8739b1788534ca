// The end of a token is the end of its connection, and of nothing else.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Client, TRANSPORTS, member, newRoom, newUser, refusal } from './support/client.mjs';
import { connectErrors } from './support/fixtures.mjs';
import { nodes, signed } from './support/stack.mjs';

const now = () => Math.floor(Date.now() / 1_000);

/** The claims of a token for `user` that is good for so many seconds. */
const claims = ({ userId, username }, seconds) => ({ sub: userId, name: username, exp: now() + seconds });

/** Comes back by itself and soon, as any socket.io-client does by default. */
const reconnecting = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 500 };

/** A client that never gives up; `auth` is asked each time that it connects. */
function lasting(t, user, auth, options = {}) {
  const client = new Client(user, { ...options, auth: (answer) => answer(auth()), socket: reconnecting });
  client.reasons = [];
  client.socket.on('disconnect', (reason) => client.reasons.push(reason));
  t.after(() => client.end());
  return client;
}

/** How many transports a node has closed at the end of their tokens. */
async function expired(node) {
  const text = await (await fetch(`${nodes[node]}/metrics`)).text();
  return Number(/^starling_transport_closes_total\{reason="expired"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

describe('a connection whose token ends', { concurrency: true }, () => {
  for (const transports of TRANSPORTS) {
    test(`by ${transports.join(' then ')}, goes on with the next token and misses nothing`, async (t) => {
      const [room, user] = [newRoom(), newUser()];
      const sender = await member(t, room, { node: 1 });
      const closedBefore = await expired(0);
      const positions = { [room]: 0 };
      let fetched = 0;
      const client = lasting(t, user, () => {
        fetched += 1;
        return { token: signed(claims(user, 3)), rooms: positions };
      }, { transports });
      client.socket.on('chat-message', (message) => (positions[room] = message.seq));
      await client.connected();

      const sent = [];
      while (fetched < 4) {
        const content = `message ${sent.length}`;
        sent.push(content);
        await sender.say(room, content);
      }
      await client.until(() => client.socket.connected, 'the last reconnection');
      await sender.say(room, 'the end');
      await client.message(room, 'the end');
      assert.deepEqual(client.contents(room), [...sent, 'the end']);
      // "io server disconnect" would have kept it away.
      assert.ok(client.reasons.length >= 3);
      assert.deepEqual([...new Set(client.reasons)].filter((reason) => !/^transport (close|error)$/.test(reason)), []);
      assert.ok((await expired(0)) >= closedBefore + 3);
    });
  }

  test('with the same token still, is refused', async (t) => {
    const user = newUser();
    const token = signed(claims(user, 2));
    const client = lasting(t, user, () => ({ token }));
    await client.connected();
    await client.until(() => client.refusal, 'the refusal');
    assert.equal(client.refusal.message, connectErrors.invalidToken);
    assert.ok(client.reasons.length >= 1);
    assert.ok(now() >= JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).exp);
  });

  test('does not end before it', async (t) => {
    const [user, start] = [newUser(), now()];
    const client = lasting(t, user, () => ({ token: signed(claims(user, 4)) }));
    await client.connected();
    await client.disconnected();
    assert.ok(now() >= start + 4);
  });

  for (const exp of [now() + 10 ** 9, Number.MAX_SAFE_INTEGER, 1e300, now() + 60.5]) {
    test(`at ${exp} is open until then`, async (t) => {
      const user = newUser();
      const client = lasting(t, user, () => ({ token: signed({ ...claims(user, 0), exp }) }));
      await client.connected();
      await client.settled();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await client.settled();
      assert.deepEqual(client.reasons, []);
    });
  }
});

describe('a token that is signed well', { concurrency: true }, () => {
  const user = newUser();
  const good = () => claims(user, 60);
  for (const [name, token] of [
    ['is not good yet', () => signed({ ...good(), nbf: now() + 60 })],
    ['ended a minute ago', () => signed(claims(user, -60))],
    ['has no end', () => signed({ ...good(), exp: undefined })],
    ['names an end in words', () => signed({ ...good(), exp: 'tomorrow' })],
    ['names nobody', () => signed({ ...good(), sub: undefined })],
    ['has ten thousand patterns of rooms', () => signed({ ...good(), rooms: Array(10_000).fill('*') })],
    ['has a hundred and one patterns of rooms', () => signed({ ...good(), rooms: Array(101).fill('a') })],
    ['names another algorithm', () => signed(good(), { alg: 'HS512' })],
    ['names none', () => signed(good(), { alg: 'none' })],
    ['brings its key', () => signed(good(), { alg: 'HS256', jwk: { kty: 'oct', k: 'eA' } })],
    ['says where its key is', () => signed(good(), { alg: 'HS256', jku: 'https://evil.example' })],
  ]) {
    test(`but ${name}, is refused`, async (t) => {
      assert.equal(await refusal(t, { token: token() }), connectErrors.invalidToken);
    });
  }

  test('with a role of somebody else is a user', async (t) => {
    const client = new Client(user, { auth: { token: signed({ ...good(), role: 'authenticated' }) } });
    t.after(() => client.end());
    await client.connected();
  });

  test('with an empty list of rooms opens none', async (t) => {
    const client = new Client(user, { auth: { token: signed({ ...good(), rooms: [] }) } });
    t.after(() => client.end());
    await client.connected();
    await client.fail('forbidden', 'join-room', newRoom());
  });
});
