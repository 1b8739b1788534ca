// Messages between members on two nodes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { TRANSPORTS, connect, member, newRoom, newUser } from './support/client.mjs';

const SENDERS = 5;
const EACH = 200;

for (const transports of TRANSPORTS) {
  describe(`chatting by ${transports.join(' then ')}`, { concurrency: true }, () => {
    test('a message reaches every member on every node, its sender too', async (t) => {
      const room = newRoom();
      const before = Date.now();
      const sender = await member(t, room, { transports, user: newUser('Grace') });
      const others = [
        await member(t, room, { transports, node: 0 }),
        await member(t, room, { transports, node: 1 }),
      ];
      const ack = await sender.say(room, 'Hello', { clientMessageId: 'c-1' });
      assert.equal(ack.room, room);
      assert.ok(ack.id.length > 0);
      assert.ok(ack.seq > 0);
      assert.ok(Date.parse(ack.timestamp) >= before - 1_000 && Date.parse(ack.timestamp) <= Date.now() + 1_000);
      for (const client of [sender, ...others]) {
        assert.deepEqual(await client.message(room, 'Hello'), {
          id: ack.id,
          room,
          seq: ack.seq,
          userId: sender.user.userId,
          username: 'Grace',
          content: 'Hello',
          timestamp: ack.timestamp,
          clientMessageId: 'c-1',
        });
      }
    });

    test('a burst reaches a slow reader whole and in order', async (t) => {
      const room = newRoom();
      const reader = await member(t, room, { transports, node: 1 });
      const sender = await member(t, room);
      const sent = Array.from({ length: 300 }, (_, n) => `message ${n}`);
      await Promise.all(sent.map((content) => sender.say(room, content)));
      await reader.messagesUpTo(room, sent.length);
      assert.deepEqual(reader.contents(room), sent);
    });
  });
}

test('nothing is lost or turned over while a connection upgrades to websocket', async (t) => {
  const room = newRoom();
  const sender = await member(t, room);
  const { seq } = await sender.say(room, 'message 0');
  const sent = ['message 0'];
  let upgraded = false;
  const sending = (async () => {
    while (sent.length < 50 || (!upgraded && sent.length < 5_000)) {
      sent.push(`message ${sent.length}`);
      await sender.say(room, sent.at(-1));
    }
  })();
  const reader = await connect(t, { node: 1, transports: ['polling', 'websocket'], rooms: { [room]: seq } });
  upgraded = reader.socket.io.engine.transport.name === 'websocket';
  reader.socket.io.engine.once('upgrade', () => (upgraded = true));
  await sending;
  assert.ok(upgraded);
  await reader.messagesUpTo(room, sent.length - 1);
  assert.deepEqual(reader.contents(room), sent.slice(1));
});

test('an event without an ack callback is handled as any other', async (t) => {
  const room = newRoom();
  const [sender, reader] = [await member(t, room), await member(t, room, { node: 1 })];
  const other = newRoom();
  sender.socket.emit('chat-message', { room, content: 'no ack wanted' });
  sender.socket.emit('join-room', { room: other });
  sender.socket.emit('history', { room });
  sender.socket.emit('chat-message', { room, content: '' });
  sender.socket.emit('no-such-event', { room });
  sender.socket.emit('user-disconnecting', { reason: 'tab closed' });
  sender.socket.emit('user-disconnecting');
  await sender.event('user-list', (list) => list.room === other);
  sender.socket.emit('chat-message', { room: other, content: 'joined without ack' });
  await reader.message(room, 'no ack wanted');
  await sender.message(other, 'joined without ack');
  sender.socket.emit('leave-room', { room: other });
  await sender.fail('not_a_member', 'chat-message', { room: other, content: 'left without ack' });
  assert.ok(sender.socket.connected);
});

test('all members see one order, and each sender its own', async (t) => {
  const room = newRoom();
  const senders = [];
  for (let at = 0; at < SENDERS; at += 1) {
    senders.push(await member(t, room, { node: at % 2, user: newUser(`sender ${at}`) }));
  }
  const readers = [];
  for (const node of [0, 1]) {
    readers.push(await member(t, room, { node }));
    readers.push(await member(t, room, { node, transports: ['polling'] }));
  }
  const numbers = Array.from({ length: EACH }, (_, n) => n);
  const acks = await Promise.all(
    senders.map((sender, at) => Promise.all(numbers.map((n) => sender.say(room, `${at}:${n}`)))),
  );

  const stored = acks.flat().sort((a, b) => a.seq - b.seq);
  const members = [...senders, ...readers];
  for (const client of members) {
    const messages = await client.messagesUpTo(room, SENDERS * EACH);
    assert.deepEqual(messages.map(({ id, seq }) => [id, seq]), stored.map(({ id, seq }) => [id, seq]));
    for (const [at, sender] of senders.entries()) {
      const own = messages.filter((message) => message.userId === sender.user.userId);
      assert.deepEqual(own.map((message) => message.content), numbers.map((n) => `${at}:${n}`));
    }
  }
  for (const own of acks) {
    assert.deepEqual(own.map((ack) => ack.seq), own.map((ack) => ack.seq).sort((a, b) => a - b));
  }
});
