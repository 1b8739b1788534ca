// The chat as a whole, without sockets: what it sends, and what a person would see, step by step.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE } from '../../public/js/model/chat.js';
import { MAX_ATTEMPTS } from '../../public/js/model/outbox.js';
import { MAX_OPEN } from '../../public/js/model/room-names.js';
import { typingWords } from '../../public/js/model/typing.js';
import { Desk, message } from './support/desk.mjs';

const stored = (seq, room = 'general') => ({ status: 'success', id: `m${seq}`, room, seq, timestamp: '2025-03-01T10:00:01.000Z' });
const write = (text, id) => (chat, now) => chat.send(text, id, now);

test('the first connect names no position, then joins and takes the history', () => {
  const desk = new Desk();
  assert.deepEqual({ ...desk.chat.positions() }, {});
  desk.run((chat, now) => chat.connected(now));
  const [join] = desk.take('join-room');
  assert.deepEqual(join.payload, { room: 'general' });
  desk.answer(join, { status: 'success', room: 'general', seq: 7, history: [message(3), message(7)] });
  assert.deepEqual(desk.seqs(), [3, 7]);
  assert.deepEqual({ ...desk.chat.positions() }, { general: 7 });
});

test('a message that overtakes the ack of its join is kept, and does not hide the history', () => {
  const desk = new Desk().run((chat, now) => chat.connected(now));
  desk.run((chat, now) => chat.message(message(9), now));
  assert.deepEqual({ ...desk.chat.positions() }, {}, 'no position before the join counts');
  desk.answer(desk.take('join-room')[0], { status: 'success', room: 'general', seq: 7, history: [message(7)] });
  assert.deepEqual(desk.seqs(), [7, 9]);
  assert.deepEqual({ ...desk.chat.positions() }, { general: 9 });
});

test('sending: shown at once, stored by the ack, completed by the event, once', () => {
  const desk = new Desk().joined();
  desk.run(write('hello', 'k1'));
  assert.deepEqual(desk.unsent(), ['k1 sending']);
  const [send] = desk.take('chat-message');
  assert.deepEqual(send.payload, { room: 'general', content: 'hello', clientMessageId: 'k1' });
  desk.answer(send, stored(4));
  assert.deepEqual(desk.unsent(), []);
  assert.deepEqual(desk.seqs(), [4]);
  desk.run((chat, now) => chat.message(message(4, { userId: 'me', clientMessageId: 'k1', html: '<b>hello</b>' }), now));
  assert.deepEqual(desk.seqs(), [4]);
  assert.equal(desk.room().timeline.messages[0].html, '<b>hello</b>');
});

test('the event may come before the ack', () => {
  const desk = new Desk().joined().run(write('hello', 'k1'));
  const [send] = desk.take('chat-message');
  desk.run((chat, now) => chat.message(message(4, { userId: 'me', clientMessageId: 'k1' }), now));
  assert.deepEqual(desk.unsent(), []);
  desk.answer(send, stored(4));
  assert.deepEqual(desk.seqs(), [4]);
});

test("the ack does not move the position past messages that are still on their way", () => {
  const desk = new Desk().joined([message(1)]).run(write('hello', 'k1'));
  desk.answer(desk.take('chat-message')[0], stored(5));
  assert.deepEqual({ ...desk.chat.positions() }, { general: 1 });
});

test("somebody else's clientMessageId settles nothing of mine", () => {
  const desk = new Desk().joined().run(write('hello', 'k1'));
  desk.run((chat, now) => chat.message(message(4, { userId: 'eve', clientMessageId: 'k1' }), now));
  assert.deepEqual(desk.unsent(), ['k1 sending']);
});

test('a busy server is tried a few times, then a person decides', () => {
  const desk = new Desk().joined().run(write('hello', 'k1'));
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const sends = desk.take('chat-message');
    assert.deepEqual(sends.map(({ payload }) => payload.clientMessageId), ['k1'], `attempt ${attempt}`);
    desk.answer(sends[0], { status: 'error', code: 'unavailable', message: 'm', retryAfter: 100 }).pass(20_000);
  }
  assert.deepEqual(desk.take('chat-message'), []);
  assert.deepEqual(desk.unsent(), ['k1 failed']);
  assert.match(desk.chat.alert.text, /not sent/);
  desk.run((chat, now) => chat.sendAgain('k1', now));
  const [again] = desk.take('chat-message');
  assert.equal(again.payload.clientMessageId, 'k1');
  desk.answer(again, stored(1));
  assert.deepEqual(desk.unsent(), []);
});

test('a late answer to an attempt that was given up does no harm', () => {
  const desk = new Desk().joined([message(1)]).run(write('hello', 'k1'));
  const [first] = desk.take('chat-message');
  desk.lost().run((chat, now) => chat.connected(now));
  desk.run((chat, now) => chat.recovered({ room: 'general', from: 1, to: 1, complete: true }, now));
  desk.answer(first, { status: 'error', code: 'forbidden', message: 'm' });
  assert.deepEqual(desk.unsent(), ['k1 sending']);
});

test('discarded means gone', () => {
  const desk = new Desk().joined().run(write('hello', 'k1'));
  desk.answer(desk.take('chat-message')[0], { status: 'error', code: 'invalid', message: 'no' }).run((chat) => chat.discard('k1'));
  assert.deepEqual(desk.unsent(), []);
});

test('a room that takes no one in is marked; knocking asks again', () => {
  const desk = new Desk({ rooms: ['vault'], active: 'vault' }).run((chat, now) => chat.connected(now));
  desk.answer(desk.take('join-room')[0], { status: 'error', code: 'forbidden', message: 'no entry' });
  assert.equal(desk.room('vault').phase, 'refused');
  assert.equal(desk.room('vault').refusal, 'No entry.');
  desk.run((chat) => chat.knock('vault'));
  assert.deepEqual(desk.take('join-room').map(({ payload }) => payload), [{ room: 'vault' }]);
});

test('a join that fails for a moment is tried again after retryAfter', () => {
  const desk = new Desk().run((chat, now) => chat.connected(now));
  desk.answer(desk.take('join-room')[0], { status: 'error', code: 'overloaded', message: 'm', retryAfter: 3_000 });
  desk.pass(2_999);
  assert.deepEqual(desk.take('join-room'), []);
  desk.pass(1);
  assert.equal(desk.take('join-room').length, 1);
});

test('messages for a room that is not joined yet wait', () => {
  const desk = new Desk().run((chat, now) => chat.connected(now)).run(write('early', 'k1'));
  assert.deepEqual(desk.take('chat-message'), []);
  desk.answer(desk.take('join-room')[0], { status: 'success', room: 'general', seq: 0, history: [] });
  assert.equal(desk.take('chat-message').length, 1);
});

test('unread: counted where one is not looking, cleared by reading', () => {
  const desk = new Desk({ rooms: ['general', 'b'] }).joined([message(1)]);
  desk.run((chat) => chat.attend({ visible: true, newest: true }));
  desk.run((chat, now) => chat.message(message(2), now)).run((chat, now) => chat.message(message(3, { room: 'b' }), now));
  assert.equal(desk.room('general').unread.count, 0);
  assert.deepEqual(desk.room('b').unread, { count: 1, marker: 3 });
  desk.run((chat) => chat.attend({ newest: false })).run((chat, now) => chat.message(message(4), now));
  assert.equal(desk.room('general').unread.count, 1, 'scrolled up');
  desk.run((chat) => chat.select('b')).run((chat) => chat.attend({ newest: true }));
  assert.deepEqual(desk.room('b').unread, { count: 0, marker: 3 }, 'the line stays while one reads');
  assert.equal(desk.chat.reads.get('b'), 3);
  desk.run((chat, now) => chat.message(message(6, { room: 'b', userId: 'me' }), now));
  assert.equal(desk.room('b').unread.count, 0, "one's own is never unread");
});

test('unread survives a reload', () => {
  const desk = new Desk({ reads: { general: 2 } }).joined([message(1), message(2), message(3), message(4)]);
  assert.deepEqual(desk.room().unread, { count: 2, marker: 3 });
});

test('older messages: asked for once at a time, from the oldest held', () => {
  const history = Array.from({ length: PAGE }, (_, index) => message(index + 100));
  const desk = new Desk().joined(history);
  desk.run((chat) => chat.loadOlder('general')).run((chat) => chat.loadOlder('general'));
  const asked = desk.take('history');
  assert.deepEqual(asked.map(({ payload }) => payload), [{ room: 'general', before: 100, limit: PAGE }]);
  desk.answer(asked[0], { status: 'success', messages: [message(98), message(99)], more: false });
  assert.equal(desk.seqs()[0], 98);
  desk.run((chat) => chat.loadOlder('general'));
  assert.deepEqual(desk.take('history'), [], 'nothing lies before');
});

test('older messages that do not come can be asked for again', () => {
  const desk = new Desk().joined(Array.from({ length: PAGE }, (_, index) => message(index + 100)));
  desk.run((chat) => chat.loadOlder('general')).answer(desk.take('history')[0], null);
  assert.equal(desk.room().older, 'failed');
  desk.run((chat) => chat.loadOlder('general'));
  assert.equal(desk.take('history').length, 1);
});

test('typing goes out seldom, and ends with the message', () => {
  const desk = new Desk().joined();
  desk.run((chat, now) => chat.typed(now)).run((chat, now) => chat.typed(now));
  assert.deepEqual(desk.take('typing').map(({ payload }) => payload), [{ room: 'general', typing: true }]);
  desk.run(write('x', 'k1'));
  assert.deepEqual(desk.take('typing').map(({ payload }) => payload), [{ room: 'general', typing: false }]);
  desk.run((chat, now) => chat.typed(now)).take('typing');
  desk.pass(60_000);
  assert.deepEqual(desk.take('typing').map(({ payload }) => payload.typing), [false], 'silence ends it as well');
});

test('typers are shown until they write, stop, or fall silent', () => {
  const desk = new Desk().joined();
  const types = (userId, typing = true) => desk.run((chat, now) => chat.typing({ room: 'general', userId, username: userId, typing }, now));
  types('ada');
  types('me');
  assert.equal(typingWords(desk.room().typers), 'ada is typing');
  desk.run((chat, now) => chat.message(message(1), now));
  assert.equal(typingWords(desk.room().typers), '');
  types('ada');
  desk.pass(5_000);
  assert.equal(typingWords(desk.room().typers), '');
});

test('rooms: opened, shown, left; the default room is left for good', () => {
  const desk = new Desk().joined();
  desk.run((chat) => chat.open('b'));
  assert.equal(desk.chat.active, 'b');
  assert.deepEqual(desk.take('join-room').map(({ payload }) => payload), [{ room: 'b' }]);
  desk.run((chat) => chat.selectNeighbour(1));
  assert.equal(desk.chat.active, 'general');
  desk.run((chat) => chat.leave('general'));
  assert.equal(desk.chat.active, 'b');
  assert.deepEqual(desk.take('leave-room').map(({ payload }) => payload), [{ room: 'general' }]);
  desk.lost().run((chat, now) => chat.connected(now));
  assert.deepEqual(desk.take('leave-room').map(({ payload }) => payload), [{ room: 'general' }], 'the server had put us there again');
  desk.run((chat, now) => chat.message(message(50), now));
  assert.equal(desk.room('general'), undefined);
  assert.ok(desk.saved.has('rooms'));
});

test('an answer for a room that was left and joined anew is not mixed up', () => {
  const desk = new Desk().joined().run((chat) => chat.open('b'));
  const [first] = desk.take('join-room');
  desk.run((chat) => chat.leave('b')).run((chat) => chat.open('b'));
  desk.answer(first, { status: 'success', room: 'b', seq: 3, history: [message(3, { room: 'b' })] });
  assert.equal(desk.room('b').phase, 'joining');
});

test('rooms are bounded', () => {
  const desk = new Desk().joined();
  for (let index = 0; index < MAX_OPEN + 5; index += 1) desk.run((chat) => chat.open(`r${index}`));
  assert.equal(desk.chat.rooms.size, MAX_OPEN);
  assert.match(desk.chat.alert.text, /Leave one/);
});

test('announcements stand until each is dismissed, the newest few of them', () => {
  const announced = (content) => ({ content, timestamp: '2025-03-01T10:00:00.000Z', sender: 'Root' });
  const desk = new Desk();
  for (const content of ['a', 'b', 'b', 'c']) desk.run((chat) => chat.announced(announced(content)));
  const { announcements } = desk.chat;
  assert.deepEqual(announcements.map(({ content }) => content), ['b', 'b', 'c']);
  assert.equal(new Set(announcements.map(({ key }) => key)).size, 3);
  desk.run((chat) => chat.dismissAnnouncement(announcements[1].key));
  assert.deepEqual(desk.chat.announcements, [announcements[0], announcements[2]]);
});
