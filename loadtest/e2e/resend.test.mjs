// The same message sent again: stored once, seen once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { connect, member, newRoom, newUser } from './support/client.mjs';
import { bounds } from './support/fixtures.mjs';

describe('a message sent again with its clientMessageId', { concurrency: true }, () => {
  test('is the same message, on the same node and on another', async (t) => {
    const room = newRoom();
    const user = newUser();
    const readers = [await member(t, room, { node: 0 }), await member(t, room, { node: 1 })];
    const [here, there] = [await member(t, room, { user }), await member(t, room, { user, node: 1 })];
    const first = await here.say(room, 'once', { clientMessageId: 'c-1' });
    for (const sender of [here, there, here]) {
      const again = await sender.say(room, 'once', { clientMessageId: 'c-1' });
      assert.deepEqual([again.id, again.seq], [first.id, first.seq]);
    }
    await there.say(room, 'fence');
    for (const reader of [...readers, here, there]) {
      await reader.message(room, 'fence');
      assert.deepEqual(reader.contents(room), ['once', 'fence']);
    }
    const { messages } = await here.succeed('history', { room });
    assert.deepEqual(messages.map((message) => message.content), ['once', 'fence']);
  });

  test('many times at once is stored once', async (t) => {
    const room = newRoom();
    const user = newUser();
    const senders = [await member(t, room, { user }), await member(t, room, { user, node: 1 })];
    const copies = Array.from({ length: 20 }, (_, n) => senders[n % 2]);
    const acks = await Promise.all(
      copies.map((sender) => sender.say(room, 'once', { clientMessageId: 'c-1' })),
    );
    assert.equal(new Set(acks.map((ack) => `${ack.id} ${ack.seq}`)).size, 1);
    await senders[0].say(room, 'fence');
    for (const sender of senders) {
      await sender.message(room, 'fence');
      assert.deepEqual(sender.contents(room), ['once', 'fence']);
    }
  });

  test('by another user, in another room or with another id is another message', async (t) => {
    const [room, other] = [newRoom(), newRoom()];
    const [ada, grace] = [await member(t, room), await member(t, room)];
    await ada.join(other);
    const acks = [
      await ada.say(room, 'text', { clientMessageId: 'c-1' }),
      await ada.say(room, 'text', { clientMessageId: 'c-2' }),
      await ada.say(other, 'text', { clientMessageId: 'c-1' }),
      await grace.say(room, 'text', { clientMessageId: 'c-1' }),
      await grace.say(room, 'text'),
      await grace.say(room, 'text'),
    ];
    assert.equal(new Set(acks.map((ack) => ack.id)).size, acks.length);
    assert.equal(new Set(acks.map((ack) => ack.seq)).size, acks.length);
  });

  test('is refused where the id is no id', async (t) => {
    const room = newRoom();
    const client = await member(t, room);
    const longest = 'x'.repeat(bounds.maxClientMessageIdBytes);
    await client.say(room, 'longest', { clientMessageId: longest });
    for (const clientMessageId of [`${longest}x`, 7, {}, [], true]) {
      await client.fail(['invalid', 'too_long'], 'chat-message', { room, content: 'text', clientMessageId });
    }
    await client.say(room, 'strange but legal', { clientMessageId: 'a b\u{1F426}\n\u0000"*>.' });
    await client.message(room, 'strange but legal');
    assert.deepEqual(client.contents(room), ['longest', 'strange but legal']);
  });

  test('keeps its identity over a reconnect', async (t) => {
    const room = newRoom();
    const user = newUser();
    const reader = await member(t, room, { node: 1 });
    const before = await member(t, room, { user });
    const first = await before.say(room, 'once', { clientMessageId: 'c-1' });
    before.close();
    const after = await connect(t, { user, node: 1, rooms: { [room]: first.seq } });
    const again = await after.say(room, 'once', { clientMessageId: 'c-1' });
    assert.deepEqual([again.id, again.seq], [first.id, first.seq]);
    await after.say(room, 'fence');
    await after.message(room, 'fence');
    assert.deepEqual(after.contents(room), ['fence']);
    await reader.message(room, 'fence');
    assert.deepEqual(reader.contents(room), ['once', 'fence']);
  });
});
