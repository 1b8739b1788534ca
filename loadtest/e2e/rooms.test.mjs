// Joining, leaving and history.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { connect, member, newRoom } from './support/client.mjs';
import { bounds } from './support/fixtures.mjs';

const seqs = (messages) => messages.map((message) => message.seq);
const contents = (messages) => messages.map((message) => message.content);
const numbered = (count, from = 0) => Array.from({ length: count }, (_, n) => `message ${from + n}`);

async function sayAll(sender, room, texts) {
  return Promise.all(texts.map((text) => sender.say(room, text)));
}

describe('joining', { concurrency: true }, () => {
  test('by name alone is as joining by an object', async (t) => {
    const room = newRoom();
    const [one, other] = [await connect(t), await connect(t, { node: 1 })];
    assert.deepEqual((await one.succeed('join-room', room)).history, []);
    await other.succeed('join-room', { room });
    await one.say(room, 'Hello');
    await other.message(room, 'Hello');
    await one.succeed('leave-room', room);
    await one.fail('not_a_member', 'chat-message', { room, content: 'gone' });
  });

  test('brings the latest messages, then every later one', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    await sayAll(sender, room, numbered(3));
    for (const node of [0, 1]) {
      const joiner = await connect(t, { node });
      const ack = await joiner.join(room);
      assert.equal(ack.room, room);
      await sender.say(room, `message ${3 + node}`);
      await joiner.message(room, `message ${3 + node}`);
      // A message that was under way during the join may come either way, but once.
      assert.deepEqual([...contents(ack.history), ...joiner.contents(room)], numbered(4 + node));
      assert.ok(seqs(ack.history).every((seq) => seq <= ack.seq));
      assert.ok(seqs(joiner.messages(room)).every((seq) => seq > ack.seq));
    }
  });

  test('brings no more of the past than the default', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    const count = bounds.defaultHistory + 20;
    await sayAll(sender, room, numbered(count));
    for (const node of [0, 1]) {
      const witness = await connect(t, { node, rooms: { [room]: 0 } });
      await witness.messagesUpTo(room, count);
      const { history } = await (await connect(t, { node })).join(room);
      assert.deepEqual(contents(history), numbered(count).slice(-bounds.defaultHistory));
    }
  });

  test('while others write leaves no gap between history and events', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    const sending = sayAll(sender, room, numbered(200));
    const joiners = await Promise.all([0, 1, 0, 1].map((node) => connect(t, { node })));
    const acks = await Promise.all(joiners.map((joiner) => joiner.join(room)));
    const stored = seqs(await sending);
    const last = (await sender.say(room, 'last')).seq;
    for (const [at, joiner] of joiners.entries()) {
      await joiner.message(room, 'last');
      const { history, seq } = acks[at];
      assert.ok(history.every((message) => message.seq <= seq));
      assert.ok(joiner.messages(room).every((message) => message.seq > seq));
      const seen = [...seqs(history), ...seqs(joiner.messages(room))];
      const expected = [...stored, last];
      assert.deepEqual(seen, expected.slice(expected.length - seen.length));
      assert.ok(seen.length === expected.length || history.length === bounds.defaultHistory);
    }
  });

  test('after a position brings what came since, once, as events', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    const stored = await sayAll(sender, room, numbered(10));
    for (const node of [0, 1]) {
      const joiner = await connect(t, { node });
      const after = stored[3].seq;
      const ack = await joiner.join(room, { after });
      assert.deepEqual(ack.history, []);
      await joiner.messagesUpTo(room, 6);
      const recovered = await joiner.event('recovered', (payload) => payload.room === room);
      assert.equal(recovered.from, after);
      assert.equal(recovered.complete, true);
      assert.deepEqual(joiner.contents(room), numbered(6, 4));
    }
  });

  test('again is harmless', async (t) => {
    const room = newRoom();
    const [client, sender] = [await member(t, room), await member(t, room, { node: 1 })];
    await sender.say(room, 'first');
    await client.message(room, 'first');
    await client.join(room);
    await client.succeed('join-room', room);
    await sender.say(room, 'second');
    await client.message(room, 'second');
    assert.deepEqual(client.contents(room), ['first', 'second']);
    await client.leave(room);
    await client.fail('not_a_member', 'chat-message', { room, content: 'once left is left' });
  });

  test('a hundred rooms at once works', async (t) => {
    const rooms = Array.from({ length: 100 }, () => newRoom());
    const [client, sender] = [await connect(t), await connect(t, { node: 1 })];
    await Promise.all(rooms.flatMap((room) => [client.join(room), sender.join(room)]));
    await Promise.all(rooms.map((room) => sender.say(room, room)));
    await Promise.all(rooms.map((room) => client.message(room, room)));
    for (const room of rooms) assert.deepEqual(client.contents(room), [room]);
    await Promise.all(rooms.map((room) => client.leave(room)));
    for (const room of rooms) await client.fail('not_a_member', 'chat-message', { room, content: 'left' });
  });
});

describe('leaving', { concurrency: true }, () => {
  test('stops delivery, also where others on the node stay', async (t) => {
    const room = newRoom();
    const sender = await member(t, room, { node: 1 });
    const [leaver, stayer] = [await member(t, room), await member(t, room)];
    await sender.say(room, 'before');
    await leaver.message(room, 'before');
    await leaver.leave(room);
    await sender.say(room, 'away');
    await stayer.message(room, 'away');
    // Joined again, the leaver gets later messages as events: one of the past would have come before.
    const { history } = await leaver.join(room);
    assert.ok(contents(history).includes('away'));
    await sender.say(room, 'back');
    await leaver.message(room, 'back');
    assert.deepEqual(leaver.contents(room), ['before', 'back']);
  });

  test('and joining as the only member of a node loses nothing', async (t) => {
    const room = newRoom();
    const sender = await member(t, room, { node: 1 });
    const client = await connect(t);
    for (let round = 0; round < 10; round += 1) {
      const from = client.messages(room).length;
      const { history } = await client.join(room);
      await sender.say(room, `message ${round * 2}`);
      await client.message(room, `message ${round * 2}`);
      const seen = [...contents(history), ...client.contents(room).slice(from)];
      assert.deepEqual(seen, numbered(round * 2 + 1));
      await client.leave(room);
      await sender.say(room, `message ${round * 2 + 1}`);
    }
  });

  test('a room that one is not in is no harm', async (t) => {
    const client = await connect(t);
    await client.request('leave-room', { room: newRoom() });
    await client.join(newRoom());
  });
});

describe('history', { concurrency: true }, () => {
  test('pages back to the first message', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    const count = 3 * bounds.defaultHistory + 7;
    await sayAll(sender, room, numbered(count));
    const reader = await member(t, room, { node: 1 });
    let pages = await reader.succeed('history', { room });
    assert.equal(pages.messages.length, bounds.defaultHistory);
    const all = [...pages.messages];
    while (pages.more) {
      pages = await reader.succeed('history', { room, before: all[0].seq });
      assert.ok(pages.messages.length > 0);
      all.unshift(...pages.messages);
    }
    assert.deepEqual(contents(all), numbered(count));
  });

  test('says of a page that ends at the first message that there is no more', async (t) => {
    const room = newRoom();
    const client = await member(t, room);
    await sayAll(client, room, numbered(10));
    const last = await client.succeed('history', { room, limit: 5 });
    assert.deepEqual(contents(last.messages), numbered(5, 5));
    assert.equal(last.more, true);
    const first = await client.succeed('history', { room, limit: 5, before: last.messages[0].seq });
    assert.deepEqual(contents(first.messages), numbered(5));
    assert.equal(first.more, false);
    const none = await client.succeed('history', { room, before: first.messages[0].seq });
    assert.deepEqual([none.messages, none.more], [[], false]);
  });

  test('of an empty room is empty', async (t) => {
    const room = newRoom();
    const client = await member(t, room);
    const { messages, more } = await client.succeed('history', { room });
    assert.deepEqual([messages, more], [[], false]);
  });

  test('gives no more at once than the bound', async (t) => {
    const room = newRoom();
    const client = await member(t, room);
    const count = bounds.maxHistory + 5;
    await sayAll(client, room, numbered(count));
    const { messages, more } = await client.succeed('history', { room, limit: 1_000_000 });
    assert.deepEqual(contents(messages), numbered(bounds.maxHistory, 5));
    assert.equal(more, true);
  });

  test('holds what the events said', async (t) => {
    const room = newRoom();
    const client = await member(t, room);
    await client.say(room, '**bold**', { clientMessageId: 'c-1' });
    const event = await client.message(room, '**bold**');
    const { messages } = await client.succeed('history', { room });
    assert.deepEqual(messages, [event]);
  });

  test('is for members', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    await sender.say(room, 'among us');
    const stranger = await connect(t, { node: 1 });
    await stranger.fail('not_a_member', 'history', { room });
  });
});
