// The chat that comes back after a lost connection or a reload, without sockets: what it asks for, and what it sends again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkWords } from '../../public/js/model/link-state.js';
import { REPLAY_WITHIN } from '../../public/js/model/membership.js';
import { Desk, message, NOW } from './support/desk.mjs';

const stored = (seq, room = 'general') => ({ status: 'success', id: `m${seq}`, room, seq, timestamp: '2025-03-01T10:00:01.000Z' });
const write = (text, id) => (chat, now) => chat.send(text, id, now);

test('a reconnect waits for the replay, which may bring the message: then it is not sent again', () => {
  const desk = new Desk().joined([message(1)]).run(write('hello', 'k1'));
  desk.take('chat-message');
  desk.lost().run((chat, now) => chat.connected(now));
  assert.deepEqual(desk.take('chat-message'), [], 'not before the replay has ended');
  assert.deepEqual(desk.take('join-room'), [], 'the positions of the handshake have joined the room');
  desk.run((chat, now) => chat.message(message(2), now));
  desk.run((chat, now) => chat.message(message(3, { userId: 'me', clientMessageId: 'k1' }), now));
  desk.run((chat, now) => chat.recovered({ room: 'general', from: 1, to: 3, complete: true }, now));
  assert.deepEqual(desk.take('chat-message'), []);
  assert.deepEqual(desk.unsent(), []);
  assert.equal(linkWords(desk.chat.link), 'Recovered 1 message', "one's own is not news");
});

test('a reconnect whose replay does not bring the message sends it again with the same id', () => {
  const desk = new Desk().joined([message(1)]).run(write('hello', 'k1'));
  const [first] = desk.take('chat-message');
  desk.lost();
  desk.answer(first, null);
  desk.run((chat, now) => chat.connected(now));
  desk.run((chat, now) => chat.recovered({ room: 'general', from: 1, to: 1, complete: true }, now));
  const [again] = desk.take('chat-message');
  assert.equal(again.payload.clientMessageId, 'k1');
  desk.answer(again, stored(2));
  assert.deepEqual(desk.seqs(), [1, 2]);
});

test('what is written while away is sent on return, in order', () => {
  const desk = new Desk().joined([message(1)]).lost();
  desk.run(write('a', 'k1')).run(write('b', 'k2'));
  assert.deepEqual(desk.take('chat-message'), []);
  desk.run((chat, now) => chat.connected(now)).run((chat, now) => chat.recovered({ room: 'general', from: 1, to: 1, complete: true }, now));
  assert.deepEqual(desk.take('chat-message').map(({ payload }) => payload.content), ['a', 'b']);
});

test('a replay that does not end is asked for again, from the position', () => {
  const desk = new Desk().joined([message(5)]).lost().run((chat, now) => chat.connected(now));
  desk.pass(REPLAY_WITHIN);
  assert.deepEqual(desk.take('join-room').map(({ payload }) => payload), [{ room: 'general', after: 5 }]);
});

test('recovered messages are counted over all rooms, when the last replay has ended', () => {
  const desk = new Desk({ rooms: ['general', 'b'] }).joined();
  desk.lost().run((chat, now) => chat.connected(now));
  desk.run((chat, now) => chat.message(message(11), now)).run((chat, now) => chat.message(message(12, { room: 'b' }), now));
  desk.run((chat, now) => chat.recovered({ room: 'general', from: 0, to: 11, complete: true }, now));
  assert.equal(linkWords(desk.chat.link), 'Connected');
  desk.run((chat, now) => chat.recovered({ room: 'b', from: 0, to: 12, complete: true }, now));
  assert.equal(linkWords(desk.chat.link), 'Recovered 2 messages');
  desk.pass(60_000);
  assert.equal(linkWords(desk.chat.link), 'Connected');
});

test('recovered moves the position, and a gap is noted', () => {
  const desk = new Desk().joined([message(5)]).lost().run((chat, now) => chat.connected(now));
  desk.run((chat, now) => chat.recovered({ room: 'general', from: 5, to: 90, complete: false }, now));
  assert.deepEqual({ ...desk.chat.positions() }, { general: 90 });
  assert.deepEqual(desk.room().timeline.gaps, [5]);
});

test('a room that the server shuts one out of on a reconnect is marked, and the others are caught up with', () => {
  const desk = new Desk({ rooms: ['general', 'vault'] }).joined([message(5)]).lost().run((chat, now) => chat.connected(now));
  desk.run((chat, now) => chat.message(message(6), now));
  desk.run((chat, now) => chat.recovered({ room: 'general', from: 5, to: 6, complete: true }, now));
  assert.equal(linkWords(desk.chat.link), 'Connected', 'one is still awaited');
  desk.run((chat, now) => chat.recovered({ room: 'vault', from: 5, to: 5, complete: false, code: 'forbidden', message: 'no entry' }, now));
  assert.equal(desk.room('vault').phase, 'refused');
  assert.equal(desk.room('vault').refusal, 'No entry.');
  assert.deepEqual(desk.room('vault').timeline.gaps, [], 'nothing is known to be gone');
  assert.equal(linkWords(desk.chat.link), 'Recovered 1 message');
  desk.pass(60_000);
  assert.deepEqual(desk.take('join-room'), []);
  // Another token may let one in, and the next connection tells.
  desk.lost().run((chat, now) => chat.connected(now));
  desk.run((chat, now) => chat.recovered({ room: 'vault', from: 5, to: 9, complete: true }, now));
  assert.equal(desk.room('vault').phase, 'in');
});

test('a room that one is shut out of for a moment is asked for again from the position, later each time', () => {
  const desk = new Desk().joined([message(5)]).lost().run((chat, now) => chat.connected(now));
  const shut = () => desk.run((chat, now) => chat.recovered({ room: 'general', from: 5, to: 5, complete: false, code: 'overloaded', message: 'm' }, now));
  for (const wait of [500, 1_000, 2_000, 4_000, 8_000, 8_000]) {
    shut().pass(wait - 1);
    assert.deepEqual(desk.take('join-room'), [], `before ${wait} ms`);
    desk.pass(1);
    const [join] = desk.take('join-room');
    assert.deepEqual(join.payload, { room: 'general', after: 5 });
    desk.answer(join, { status: 'success', room: 'general', seq: 6, history: [] });
  }
  assert.notEqual(desk.room().phase, 'refused');
  desk.run((chat, now) => chat.message(message(6), now));
  desk.run((chat, now) => chat.recovered({ room: 'general', from: 5, to: 6, complete: true }, now));
  assert.deepEqual(desk.room().timeline.gaps, []);
  assert.equal(linkWords(desk.chat.link), 'Recovered 1 message');
  desk.pass(60_000);
  assert.deepEqual(desk.take('join-room'), []);
  shut().pass(500);
  assert.equal(desk.take('join-room').length, 1, 'the waits begin anew');
});

test('a replay that is asked for again and refused holds nothing else up', () => {
  const desk = new Desk({ rooms: ['general', 'vault'] }).joined([message(5)]).lost().run((chat, now) => chat.connected(now));
  desk.run((chat, now) => chat.message(message(6), now));
  desk.run((chat, now) => chat.recovered({ room: 'general', from: 5, to: 6, complete: true }, now));
  desk.pass(REPLAY_WITHIN);
  desk.answer(desk.take('join-room')[0], { status: 'error', code: 'forbidden', message: 'no entry' });
  assert.equal(desk.room('vault').phase, 'refused');
  assert.equal(linkWords(desk.chat.link), 'Recovered 1 message');
});

test('after a reload, a message that the history shows is not sent again', () => {
  const outbox = [{ id: 'k1', room: 'general', content: 'x', writtenAt: NOW, state: 'sending', attempts: 1, notBefore: NOW, reason: null, hopeless: false }];
  const desk = new Desk({ outbox }).joined([message(3, { userId: 'me', clientMessageId: 'k1' })]);
  assert.deepEqual(desk.take('chat-message'), []);
  assert.deepEqual(desk.unsent(), []);
});

test('who is sent away is told at once, keeps what is written, and comes again only when asked', () => {
  const desk = new Desk().joined([message(1)]);
  const why = 'You were disconnected by an administrator: a test';
  desk.run((chat) => chat.sentAway(why)).run((chat, now) => chat.disconnected({ final: true, online: true }, now));
  assert.equal(desk.chat.link.phase, 'ended');
  assert.ok(desk.chat.alert.text.startsWith(why));
  desk.run(write('hello', 'k1'));
  assert.deepEqual([desk.unsent(), desk.take('chat-message')], [['k1 waiting'], []]);
  desk.run((chat) => chat.tryAgain());
  assert.equal(desk.chat.alert, null, 'so that the same words are told once more');
  assert.equal(linkWords(desk.chat.link), 'Reconnecting');
  desk.back();
  assert.deepEqual(desk.take('chat-message').length, 1);
});
