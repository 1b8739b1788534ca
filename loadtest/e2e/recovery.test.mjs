// Coming back with the positions one had reached: everything missed, in order, once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { TRANSPORTS, connect, member, newRoom, newUser } from './support/client.mjs';

const numbered = (count, from = 0) => Array.from({ length: count }, (_, n) => `message ${from + n}`);

async function sayAll(sender, room, texts) {
  return Promise.all(texts.map((text) => sender.say(room, text)));
}

/** Connects with such positions; that the server answers, either way, is all that is asked. */
async function acceptedOrRefused(t, rooms) {
  const client = await connect(t, { rooms }).catch((error) => {
    assert.doesNotMatch(error.message, /waited/);
  });
  await client?.settled();
}

for (const transports of TRANSPORTS) {
  describe(`reconnecting by ${transports.join(' then ')}`, { concurrency: true }, () => {
    for (const node of [0, 1]) {
      test(`on node ${node} brings what was missed, then says so`, async (t) => {
        const room = newRoom();
        const user = newUser();
        const sender = await member(t, room, { node: 1 });
        const before = await member(t, room, { user, transports });
        await sayAll(sender, room, numbered(5));
        const seen = (await before.messagesUpTo(room, 5)).at(-1).seq;
        before.close();
        const missed = await sayAll(sender, room, numbered(120, 5));

        const after = await connect(t, { node, user, transports, rooms: { [room]: seen } });
        await after.messagesUpTo(room, missed.length);
        const recovered = await after.event('recovered', (payload) => payload.room === room);
        assert.equal(recovered.from, seen);
        assert.equal(recovered.complete, true);
        // What was replayed comes before, what the node had not seen yet comes after as any new message.
        const order = after.inbox.filter(({ payload }) => payload?.room === room);
        const at = order.findIndex(({ event }) => event === 'recovered');
        for (const [place, { event, payload }] of order.entries()) {
          if (event === 'chat-message') assert.equal(payload.seq <= recovered.to, place < at);
        }
        assert.ok(recovered.to >= seen);
        await sender.say(room, 'live');
        await after.message(room, 'live');
        assert.deepEqual(after.contents(room), [...numbered(120, 5), 'live']);
        await after.say(room, 'a member again');
      });
    }

    test('while others write leaves no gap and no double', async (t) => {
      const room = newRoom();
      const user = newUser();
      const sender = await member(t, room);
      const first = await sender.say(room, 'message 0');
      const sent = ['message 0'];
      let stop = false;
      const sending = (async () => {
        while (!stop) {
          const texts = numbered(10, sent.length);
          sent.push(...texts);
          await sayAll(sender, room, texts);
        }
      })();
      let position = first.seq;
      const seen = ['message 0'];
      for (let round = 0; round < 6; round += 1) {
        const client = await connect(t, { node: round % 2, user, transports, rooms: { [room]: position } });
        const messages = await client.messagesUpTo(room, 20);
        client.close();
        // The reference that `messages` holds is complete: nothing comes after `close`.
        seen.push(...messages.map((message) => message.content));
        position = messages.at(-1).seq;
      }
      stop = true;
      await sending;
      const last = await connect(t, { user, transports, rooms: { [room]: position } });
      const rest = sent.length - seen.length;
      await last.messagesUpTo(room, rest);
      assert.deepEqual([...seen, ...last.contents(room)], sent);
    });
  });
}

describe('positions', { concurrency: true }, () => {
  test('of several rooms are each heeded', async (t) => {
    const rooms = Array.from({ length: 20 }, () => newRoom());
    const sender = await connect(t, { node: 1 });
    await Promise.all(rooms.map((room) => sender.join(room)));
    const positions = {};
    for (const room of rooms) positions[room] = (await sender.say(room, 'seen')).seq;
    for (const room of rooms) await sayAll(sender, room, numbered(3));
    const client = await connect(t, { rooms: positions });
    for (const room of rooms) {
      await client.messagesUpTo(room, 3);
      const recovered = await client.event('recovered', (payload) => payload.room === room);
      assert.equal(recovered.complete, true);
      assert.deepEqual(client.contents(room), numbered(3));
    }
  });

  test('that are up to date bring nothing twice', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    const { seq } = await sender.say(room, 'seen');
    const client = await connect(t, { node: 1, rooms: { [room]: seq } });
    await client.event('recovered', (payload) => payload.room === room);
    await sender.say(room, 'new');
    await client.message(room, 'new');
    assert.deepEqual(client.contents(room), ['new']);
  });

  test('from before the first message bring the whole room', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    await sayAll(sender, room, numbered(30));
    const client = await connect(t, { node: 1, rooms: { [room]: 0 } });
    await client.messagesUpTo(room, 30);
    const recovered = await client.event('recovered', (payload) => payload.room === room);
    assert.equal(recovered.complete, true);
    assert.deepEqual(client.contents(room), numbered(30));
  });

  test('in the future do not hide what is new', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    const { seq } = await sender.say(room, 'old');
    for (const [node, position] of [[0, seq + 1_000_000], [1, Number.MAX_SAFE_INTEGER]]) {
      const client = await connect(t, { node, rooms: { [room]: position } });
      const joined = await connect(t, { node });
      await joined.join(room, { after: position });
      for (const late of [client, joined]) {
        const recovered = await late.event('recovered', (payload) => payload.room === room);
        assert.equal(recovered.complete, false);
      }
      const content = newRoom('new');
      await sender.say(room, content);
      for (const late of [client, joined]) {
        await late.message(room, content);
        assert.deepEqual(late.contents(room), [content]);
      }
    }
  });

  test('of the wrong shape open the connection or refuse it, and harm nobody', async (t) => {
    const room = newRoom();
    const [sender, reader] = [await member(t, room), await member(t, room, { node: 1 })];
    for (const rooms of [null, 7, 'general', [], [room], { [room]: 'x' }, { [room]: -1 }, { [room]: null }, { [room]: 1.5 }, { '': 0 }, { ['x'.repeat(129)]: 0 }]) {
      await acceptedOrRefused(t, rooms);
    }
    await sender.say(room, 'all well');
    await reader.message(room, 'all well');
  });

  test('of a thousand rooms that do not exist harm nobody', async (t) => {
    const room = newRoom();
    const [sender, reader] = [await member(t, room), await member(t, room, { node: 1 })];
    const rooms = Object.fromEntries(Array.from({ length: 1_000 }, () => [newRoom(), 0]));
    await acceptedOrRefused(t, rooms);
    await sender.say(room, 'all well');
    await reader.message(room, 'all well');
  });
});
