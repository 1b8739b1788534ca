// Parts of the system go away and come back. Nothing acknowledged is lost, nothing is seen twice.
// One test at a time: each disturbs every client.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { Client, connect, member, newRoom, newUser } from './support/client.mjs';
import { restart, token } from './support/stack.mjs';

/** A client as the page is one: it reconnects by itself, and names the positions it has reached. */
async function follower(t, room, options = {}) {
  const user = newUser();
  const positions = {};
  const signed = await token(user, options.node);
  const client = new Client(user, {
    ...options,
    auth: (answer) => answer({ token: signed, rooms: positions }),
    socket: { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 500 },
  });
  t.after(() => client.end());
  client.socket.on('chat-message', (message) => {
    if (message.room === room) positions[room] = Math.max(positions[room] ?? 0, message.seq);
  });
  await client.connected();
  const { seq } = await client.join(room);
  positions[room] = Math.max(positions[room] ?? 0, seq);
  return client;
}

/** Sends until it is acknowledged, as the page does, however long the system is away. */
async function sayUntilStored(client, room, content) {
  const payload = { room, content, clientMessageId: content };
  for (;;) {
    await client.connected();
    const ack = await client.socket.timeout(5_000).emitWithAck('chat-message', payload).catch((error) => error);
    if (ack.status === 'success') return { content, ...ack };
    // Without an answer the socket has been closed or the node waits too long; both mean: again.
    if (ack instanceof Error) continue;
    assert.ok(['unavailable', 'overloaded'].includes(ack.code), JSON.stringify(ack));
    await setTimeout(ack.retryAfter);
  }
}

/** Keeps a sender busy; `stop` resolves with what was acknowledged, in order. */
function talk(client, room) {
  const stored = [];
  const waiting = new Set();
  let stopped = false;
  const talking = (async () => {
    while (!stopped) {
      stored.push(await sayUntilStored(client, room, `message ${stored.length}`));
      for (const look of [...waiting]) look();
    }
  })();
  return {
    /** Resolves when `count` more are stored than now. */
    more(count) {
      const goal = stored.length + count;
      const reached = new Promise((resolve) => {
        const look = () => {
          if (stored.length < goal) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
      return Promise.race([reached, talking]);
    },
    async stop() {
      stopped = true;
      await talking;
      return stored;
    },
  };
}

async function sawAll(clients, room, stored) {
  for (const client of clients) {
    const messages = await client.messagesUpTo(room, stored.length);
    assert.deepEqual(messages.map(({ seq, content }) => [seq, content]), stored.map(({ seq, content }) => [seq, content]));
  }
}

describe('a restart', () => {
  for (const [transports, how, kill] of [
    [['websocket'], 'restart', false],
    [['polling'], 'restart', false],
    [['websocket'], 'crash', true],
    [['polling'], 'crash', true],
  ]) {
    test(`of a node (${how}): its clients come back by ${transports} and miss nothing`, async (t) => {
      const room = newRoom();
      const sender = await follower(t, room, { node: 1 });
      const [stays, falls] = [await follower(t, room, { node: 1 }), await follower(t, room, { node: 0, transports })];
      const reasons = [];
      falls.socket.on('disconnect', (reason) => reasons.push(reason));
      const talking = talk(sender, room);
      await talking.more(20);
      await restart('node', 0, { kill });
      await talking.more(20);
      const stored = await talking.stop();
      await sawAll([sender, stays, falls], room, stored);
      assert.ok(reasons.length > 0, 'the restarted node kept its client');
      // After this one a client does not come back by itself.
      assert.ok(!reasons.includes('io server disconnect'));
      const recovered = await falls.event('recovered', (payload) => payload.room === room);
      assert.equal(recovered.complete, true);
      await falls.say(room, 'back');
      await stays.message(room, 'back');
    });
  }

  for (const [how, kill] of [['restart', false], ['crash', true]]) {
    test(`of the sender's node (${how}): what it sends again is stored once`, async (t) => {
      const room = newRoom();
      const [sender, reader] = [await follower(t, room, { node: 0 }), await follower(t, room, { node: 1 })];
      const talking = talk(sender, room);
      await talking.more(20);
      await restart('node', 0, { kill });
      await talking.more(20);
      await sawAll([sender, reader], room, await talking.stop());
    });
  }

  test('of a node: who was on it is there again, once', async (t) => {
    const room = newRoom();
    const [stays, falls] = [await follower(t, room, { node: 1 }), await follower(t, room, { node: 0 })];
    const both = (payload) => payload.room === room && payload.count === 2;
    await stays.event('user-list', both);
    const from = stays.inbox.length;
    await restart('node', 0);
    await falls.connected();
    await falls.event('recovered', (payload) => payload.room === room);
    const third = await member(t, room, { node: 1 });
    const expected = [stays, falls, third].map((client) => client.user.userId).sort();
    await stays.until(
      () => {
        const lists = stays.inbox.slice(from).filter(({ event, payload }) => event === 'user-list' && payload.room === room);
        const last = lists.at(-1)?.payload.users.map((user) => user.userId).sort();
        return JSON.stringify(last) === JSON.stringify(expected);
      },
      () => `a list of all three; last came ${JSON.stringify(stays.received('user-list', room).at(-1))}`,
    );
  });

  test('of a node: the same message sent again is the same message', async (t) => {
    const room = newRoom();
    const user = newUser();
    const before = await member(t, room, { user });
    const first = await before.say(room, 'once', { clientMessageId: 'c-1' });
    await restart('node', 0);
    await before.disconnected();
    const after = await connect(t, { user, rooms: { [room]: first.seq - 1 } });
    await after.message(room, 'once');
    const again = await after.say(room, 'once', { clientMessageId: 'c-1' });
    assert.deepEqual([again.id, again.seq], [first.id, first.seq]);
    await after.say(room, 'fence');
    await after.message(room, 'fence');
    assert.deepEqual(after.contents(room), ['once', 'fence']);
  });

  for (const [worker, how, kill] of [[0, 'restart', false], [1, 'restart', false], [0, 'crash', true], [1, 'crash', true]]) {
    test(`of worker ${worker} (${how}): delivery goes on`, async (t) => {
      // Enough rooms that each worker owns the partition of some.
      const rooms = Array.from({ length: 12 }, () => newRoom());
      const pairs = await Promise.all(
        rooms.map(async (room) => [await follower(t, room, { node: 0 }), await follower(t, room, { node: 1 })]),
      );
      const talks = rooms.map((room, at) => talk(pairs[at][0], room));
      await Promise.all(talks.map((talking) => talking.more(10)));
      await restart('worker', worker, { kill });
      await Promise.all(talks.map((talking) => talking.more(10)));
      for (const [at, talking] of talks.entries()) {
        await sawAll(pairs[at], rooms[at], await talking.stop());
      }
      assert.ok(pairs.flat().every((client) => client.socket.connected));
    });
  }

  for (const [how, kill] of [['restart', false], ['crash', true]]) {
    test(`of NATS (${how}): it heals by itself`, async (t) => {
      const room = newRoom();
      const clients = [await follower(t, room, { node: 0 }), await follower(t, room, { node: 1 })];
      const talking = talk(clients[0], room);
      await talking.more(20);
      await restart('nats', undefined, { kill });
      await talking.more(20);
      await sawAll(clients, room, await talking.stop());
      const newcomer = await member(t, room, { node: 1 });
      await newcomer.say(room, 'all well');
      for (const client of clients) await client.message(room, 'all well');
    });
  }
});
