// What clients should not send: each gets the contract's answer, and nobody else notices.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { TRANSPORTS, connect, member, newRoom } from './support/client.mjs';
import { bounds, clientEvents } from './support/fixtures.mjs';

/** Two members of a room on two nodes; `stillChat` fails if either was disturbed. */
async function bystanders(t) {
  const room = newRoom('bystanders');
  const [here, there] = [await member(t, room), await member(t, room, { node: 1 })];
  return {
    async stillChat() {
      const content = newRoom('all well');
      await here.say(room, content);
      await Promise.all([here.message(room, content), there.message(room, content)]);
      assert.deepEqual(here.contents(room), there.contents(room));
    },
  };
}

const NO_OBJECTS = [null, 0, -1, 1.5, 1e300, true, '', [], [[]], [{}], {}, { nested: { room: { room: [] } } }];

/** Payloads of the wrong shape, by event. */
const WRONG = {
  'chat-message': [
    ...NO_OBJECTS, 'text', { room: 'x' },
    ...[null, 7, true, [], {}, ['text']].map((content) => ({ content })),
    ...[7, true, [], {}, ['x']].map((room) => ({ room, content: 'text' })),
    ['general', 'text', null], { content: '\ud800' },
  ],
  'join-room': [
    ...NO_OBJECTS.filter((payload) => payload !== ''), { after: 1 }, { name: 'x' },
    ...[null, 7, true, [], {}, ['x']].map((room) => ({ room })),
    ...['1', -1, 1.5, true, [], {}].map((after) => ({ room: newRoom(), after })),
    ['general'], ['general', 1],
  ],
  'leave-room': [
    ...NO_OBJECTS.filter((payload) => payload !== ''), { name: 'x' },
    ...[null, 7, true, [], {}].map((room) => ({ room })),
  ],
  history: [
    ...NO_OBJECTS, 'room', { before: 1 },
    ...[null, 7, true, [], {}].map((room) => ({ room })),
    ...['1', -1, 1.5, true, [], {}].map((before) => ({ room: newRoom(), before })),
    ...['1', -1, 1.5, true, [], {}].map((limit) => ({ room: newRoom(), limit })),
    ['general', null, null],
  ],
};

describe('a payload of the wrong shape', { concurrency: true }, () => {
  for (const [event, payloads] of Object.entries(WRONG)) {
    test(`is refused in ${event}`, async (t) => {
      const [client, others] = [await connect(t), await bystanders(t)];
      for (const payload of payloads) await client.fail('invalid', event, payload);
      await client.fail('invalid', event);
      await others.stillChat();
      await client.join(newRoom());
    });
  }

  for (const event of ['typing', 'user-disconnecting']) {
    test(`does no harm in ${event}, which has no ack`, async (t) => {
      const [client, others] = [await connect(t), await bystanders(t)];
      for (const payload of [...NO_OBJECTS, 'text', { room: 7, typing: true }, { room: newRoom(), typing: 'yes' }]) {
        client.socket.emit(event, payload);
      }
      client.socket.emit(event);
      await client.settled();
      await others.stillChat();
      assert.ok(client.socket.connected);
    });
  }

  test('with more arguments than one, or with binary, does no harm', async (t) => {
    const room = newRoom();
    const [client, others] = [await member(t, room), await bystanders(t)];
    await client.request('chat-message', { room, content: 'one' }, { room, content: 'two' });
    await client.fail('invalid', 'chat-message', { room, content: Buffer.from('text') });
    await client.fail('invalid', 'chat-message', Buffer.from('text'));
    await client.fail('invalid', 'join-room', Buffer.alloc(1_000));
    await others.stillChat();
    await client.join(newRoom());
  });

  test('with unknown fields is taken', async (t) => {
    const room = newRoom();
    const client = await member(t, room);
    await client.say(room, 'text', { unknown: { deep: [1, 2, { three: null }] } });
    await client.message(room, 'text');
  });
});

describe('an event that nobody knows', { concurrency: true }, () => {
  test('is refused', async (t) => {
    const [client, others] = [await connect(t), await bystanders(t)];
    for (const event of ['no-such-event', 'Chat-Message', 'chat message', '__proto__', 'constructor', 'café 🐦', 'x'.repeat(1_000)]) {
      assert.ok(!Object.hasOwn(clientEvents, event));
      await client.fail('invalid', event, { room: 'general', content: 'text' });
      await client.fail('invalid', event);
    }
    await others.stillChat();
    await client.join(newRoom());
  });

  test('that only the server sends is refused', async (t) => {
    const client = await connect(t);
    for (const event of ['user-list', 'presence', 'recovered', 'file-message', 'admin-announcement']) {
      await client.fail('invalid', event, { content: 'text' });
    }
  });
});

describe('content', { concurrency: true }, () => {
  test('that is empty is refused', async (t) => {
    const room = newRoom();
    const client = await member(t, room);
    for (const content of ['', ' ', ' \n\t\u2028']) {
      await client.fail('invalid', 'chat-message', { room, content });
    }
    await client.say(room, 'after');
    await client.message(room, 'after');
    assert.deepEqual(client.contents(room), ['after']);
  });

  test('is counted in characters, not in bytes', async (t) => {
    const room = newRoom();
    const [client, reader] = [await member(t, room), await member(t, room, { node: 1 })];
    for (const character of ['x', 'ß', '漢', '🐦']) {
      const longest = character.repeat(bounds.maxContentChars);
      await client.say(room, longest);
      await reader.message(room, longest);
      await client.fail('too_long', 'chat-message', { room, content: longest + character });
    }
    await client.fail('too_long', 'chat-message', { room, content: 'x'.repeat(10_000) });
    await client.say(room, 'after');
    await reader.message(room, 'after');
    assert.equal(reader.messages(room).length, 5);
  });

  test('of any kind of text arrives as it was sent', async (t) => {
    const room = newRoom();
    const [client, reader] = [await member(t, room), await member(t, room, { node: 1 })];
    const texts = [
      ' spaces around ', '"quotes" \\ and / slashes', 'line\nbreaks\r\nand\ttabs', '\u0000\u0001\u001f', 'a\u2028\u2029b',
      '👩‍👩‍👧‍👦 e\u0301 \u202eright to left', '42["chat-message",{}]', '</script>', '%00%2e', '{"room":"general"}', '\ufffd',
    ];
    for (const text of texts) await client.say(room, text);
    await reader.messagesUpTo(room, texts.length);
    assert.deepEqual(reader.contents(room), texts);
  });
});

for (const transports of TRANSPORTS) {
  test(`a text of 1 MB by ${transports.join(' then ')} is refused and disturbs nobody`, async (t) => {
    const room = newRoom();
    const others = await bystanders(t);
    const client = await member(t, room, { transports });
    const refused = client.socket.timeout(30_000).emitWithAck('chat-message', { room, content: 'x'.repeat(1_000_000) });
    // A refusal that the client can read is best; a closed connection is the other thing the contract allows.
    const closed = client.disconnected().then(() => undefined);
    const ack = await Promise.race([refused.catch(() => closed), closed]);
    if (ack) {
      assert.equal(ack.status, 'error');
      assert.ok(['too_large', 'too_long'].includes(ack.code), ack.code);
      await client.say(room, 'after');
    }
    client.close();
    await others.stillChat();
    const again = await connect(t, { transports });
    await again.join(room);
    assert.ok(!again.contents(room).some((content) => content.length > 1_000));
  });
}

test('an event above the bound is refused as too large, one below it is not', async (t) => {
  const room = newRoom();
  const client = await member(t, room);
  const padding = (bytes) => ({ padding: 'x'.repeat(bytes) });
  await client.say(room, 'below', padding(bounds.maxEventBytes - 1_000));
  await client.fail('too_large', 'history', { room, ...padding(bounds.maxEventBytes) });
  await client.fail(['too_large', 'too_long'], 'chat-message', { room, content: 'above', ...padding(bounds.maxEventBytes) });
  await client.say(room, 'after');
  await client.message(room, 'after');
  assert.deepEqual(client.contents(room), ['below', 'after']);
});

describe('a room name', { concurrency: true }, () => {
  const longest = 'x'.repeat(bounds.maxRoomBytes);

  for (const name of ['', `${longest}x`, '🐦'.repeat(33), 'a\nb', 'a\u0000b', '\u007f']) {
    test(`is refused: ${JSON.stringify(name).slice(0, 40)}`, async (t) => {
      const [client, others] = [await connect(t), await bystanders(t)];
      await client.fail('invalid', 'join-room', { room: name });
      await client.fail('invalid', 'join-room', name);
      await client.fail('invalid', 'chat-message', { room: name, content: 'text' });
      await client.fail('invalid', 'history', { room: name });
      await client.fail('invalid', 'leave-room', { room: name });
      client.socket.emit('typing', { room: name, typing: true });
      await client.settled();
      await others.stillChat();
    });
  }

  for (const name of ['.', '..', 'a.b', '.a', 'a.', ' ', 'a b', '*', '>', 'a.*', 'a.>', '$SYS', '🐦', '🐦.* >', '=2E', '%2E', '/', '\\', '"', '__proto__', 'constructor']) {
    test(`is legal and works from end to end: ${JSON.stringify(name)}`, async (t) => {
      const [sender, reader] = [await member(t, name), await member(t, name, { node: 1 })];
      const content = newRoom('hello');
      const { seq } = await sender.say(name, content);
      await reader.message(name, content);
      await sender.message(name, content);
      sender.socket.emit('typing', { room: name, typing: true });
      await reader.event('typing', (typing) => typing.room === name && typing.userId === sender.user.userId);
      const { messages } = await reader.succeed('history', { room: name });
      assert.equal(messages.at(-1).content, content);
      const late = await connect(t, { rooms: { [name]: seq - 1 } });
      await late.message(name, content);
      await sender.leave(name);
      await sender.fail('not_a_member', 'chat-message', { room: name, content });
    });
  }

  test('of 128 bytes works from end to end', async (t) => {
    for (const name of [longest, '🐦'.repeat(bounds.maxRoomBytes / 4), '.'.repeat(bounds.maxRoomBytes)]) {
      const [sender, reader] = [await member(t, name), await member(t, name, { node: 1 })];
      const content = newRoom('hello');
      await sender.say(name, content);
      await reader.message(name, content);
    }
  });

  test('that looks like another is another room', async (t) => {
    const base = newRoom();
    const names = [base, `${base} `, ` ${base}`, `${base}.`, `${base}*`, base.toUpperCase(), `${base}e\u0301`, `${base}é`];
    const [sender, reader] = [await connect(t), await connect(t, { node: 1 })];
    for (const name of names) await Promise.all([sender.join(name), reader.join(name)]);
    for (const name of names) await sender.say(name, name);
    for (const name of names) {
      await reader.message(name, name);
      assert.deepEqual(reader.contents(name), [name]);
    }
  });
});

describe('not being a member', { concurrency: true }, () => {
  test('forbids to speak, to read and to type', async (t) => {
    const room = newRoom();
    const insider = await member(t, room, { node: 1 });
    const outsider = await connect(t);
    await outsider.fail('not_a_member', 'chat-message', { room, content: 'from outside' });
    await outsider.fail('not_a_member', 'history', { room });
    outsider.socket.emit('typing', { room, typing: true });
    await outsider.settled();
    await outsider.join(room);
    outsider.socket.emit('typing', { room, typing: false });
    await insider.event('typing', (typing) => typing.room === room);
    // Typing keeps its order: the first would have come before.
    assert.deepEqual(insider.received('typing', room).map((typing) => typing.typing), [false]);
    assert.deepEqual(insider.contents(room), []);
  });
});
