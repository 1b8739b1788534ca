import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsOf } from '../../public/js/model/rows.js';

const me = { userId: 'me', username: 'Me' };
const dayOf = (time) => new Date(time).toISOString().slice(0, 10);
const message = (seq, userId, at, more = {}) => ({ id: `m${seq}`, seq, userId, username: userId, content: `c${seq}`, timestamp: `2025-03-0${at}:00.000Z`, ...more });
const entry = (id, at) => ({ id, content: id, state: 'waiting', writtenAt: Date.parse(`2025-03-0${at}:00.000Z`) });
const rows = (messages, { unsent = [], gaps = [], marker = null } = {}) => rowsOf({ timeline: { messages, gaps }, unread: { marker } }, unsent, me, dayOf);
const shape = (list) => list.map(({ kind, head, message: held }) => (kind === 'message' ? `${head ? '+' : '.'}${held.content}` : kind));

test('groups by author, time and day', () => {
  const list = rows([
    message(1, 'a', '1T10:00'),
    message(2, 'a', '1T10:04'),
    message(3, 'b', '1T10:05'),
    message(4, 'a', '1T10:06'),
    message(5, 'a', '1T10:12'),
    message(6, 'a', '2T10:12'),
  ]);
  assert.deepEqual(shape(list), ['day', '+c1', '.c2', '+c3', '+c4', '+c5', 'day', '+c6']);
});

test('the "New" line stands before the first new message and opens a group', () => {
  const list = rows([message(1, 'a', '1T10:00'), message(4, 'a', '1T10:01'), message(5, 'a', '1T10:02')], { marker: 4 });
  assert.deepEqual(shape(list), ['day', '+c1', 'new', '+c4', '.c5']);
});

test('the "New" line needs a message after it', () => {
  assert.deepEqual(shape(rows([message(1, 'a', '1T10:00')], { marker: 7 })), ['day', '+c1']);
});

test('a gap stands where messages are gone', () => {
  const list = rows([message(1, 'a', '1T10:00'), message(9, 'a', '1T10:01')], { gaps: [1] });
  assert.deepEqual(shape(list), ['day', '+c1', 'gap', '+c9']);
});

test('unsent messages come last, in the order of writing', () => {
  const list = rows([message(1, 'me', '1T10:00')], { unsent: [entry('x', '1T10:01'), entry('y', '1T10:02')] });
  assert.deepEqual(shape(list), ['day', '+c1', '.x', '.y']);
  assert.deepEqual(list.map(({ state }) => state), [undefined, 'stored', 'waiting', 'waiting']);
});

test('a message keeps its key when it is stored', () => {
  const before = rows([], { unsent: [entry('x', '1T10:01')] });
  const after = rows([message(1, 'me', '1T10:01', { clientMessageId: 'x' })]);
  assert.equal(before.at(-1).key, after.at(-1).key);
});

test("nobody's clientMessageId takes another row's key", () => {
  const list = rows([
    message(1, 'me', '1T10:01', { clientMessageId: 'x' }),
    message(2, 'you', '1T10:01', { clientMessageId: 'x' }),
    message(3, 'me', '1T10:01', { clientMessageId: 'x' }),
  ]);
  assert.equal(new Set(list.map(({ key }) => key)).size, list.length);
});
