// Files on their way, without sockets and uploads: what is sent when, and what a person would see.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_BY_SOCKET, MAX_FILE, MAX_WAITING } from '../../public/js/model/attachable.js';
import { fateOf } from '../../public/js/model/file-fate.js';
import { APPEARS_WITHIN, DONE_WITHIN, MAX_ATTEMPTS, ORDER_WAIT } from '../../public/js/model/file-outbox.js';
import { Desk, message } from './support/desk.mjs';

const picture = (id, more = {}) => ({ id, name: `${id}.jpg`, type: 'image/jpeg', size: 1000, frame: { width: 4, height: 3 }, ...more });
const large = (id, more = {}) => picture(id, { size: MAX_BY_SOCKET + 1, ...more });
const attach = (...files) => (chat, now) => chat.sendFiles('general', files, now);
const stored = (seq, mediaId, filename, more = {}) => {
  const { content, ...rest } = message(seq, { userId: 'me', ...more });
  return { ...rest, mediaId, filename, mime: 'image/jpeg', size: 500, url: 'https://media.example/a.jpg' };
};
const arrives = (desk, ...file) => desk.run((chat, now) => chat.message(stored(...file), now));
const configured = (direct) => (chat, now) => chat.files.configured(direct, now);
const ticket = (now) => ({ status: 'success', uploadId: 'u-1', url: 'https://s3.example/', fields: { key: 'k' }, expiresAt: new Date(now + 600_000).toISOString() });
/** A desk whose one large file has come to the named step; gives that step. */
const directTo = (step) => {
  const desk = new Desk().joined().run(configured(true)).run(attach(large('a')));
  for (;;) {
    const [effect] = desk.takeUploads();
    if (effect.upload === step) return { desk, effect };
    desk.answer(effect, effect.upload === 'ask' ? ticket(desk.now) : { status: 'success' });
  }
};

test('by the socket: sent with room and name, taken by the ack, gone when it appears', () => {
  const desk = new Desk().joined().run(attach(picture('a')));
  const [send] = desk.take('send-file');
  assert.deepEqual([send.payload, send.file], [{ room: 'general', filename: 'a.jpg', clientMessageId: 'a' }, 'a']);
  assert.deepEqual(desk.files(), ['a sending']);
  desk.answer(send, { status: 'success', mediaId: 'm' });
  assert.deepEqual(desk.files(), ['a taken']);
  arrives(desk, 3, 'm', 'a.jpg');
  assert.deepEqual(desk.files(), []);
  assert.deepEqual(desk.kept, [{ keep: 'a', mediaId: 'm' }]);
  assert.equal(desk.chat.files.nameOf('m'), 'a');
});

test('several leave one after the other, each when the one before has appeared', () => {
  const desk = new Desk().joined().run(attach(picture('a'), picture('b'), picture('c')));
  for (const [seq, id] of ['a', 'b', 'c'].entries()) {
    const sends = desk.take('send-file');
    assert.deepEqual(sends.map(({ file }) => file), [id]);
    desk.answer(sends[0], { status: 'success', mediaId: `m-${id}` });
    assert.deepEqual(desk.take('send-file'), []);
    arrives(desk, seq + 3, `m-${id}`, `${id}.jpg`);
  }
});

test('one that does not appear soon holds nothing up', () => {
  const desk = new Desk().joined().run(attach(picture('a'), picture('b')));
  desk.answer(desk.take('send-file')[0], { status: 'success', mediaId: 'm' }).pass(ORDER_WAIT - 1);
  assert.deepEqual(desk.take('send-file'), []);
  desk.pass(1);
  assert.deepEqual(desk.take('send-file').map(({ file }) => file), ['b']);
});

test('one that appears before its ack stands there once', () => {
  const desk = new Desk().joined().run(attach(picture('a')));
  const [send] = desk.take('send-file');
  arrives(desk, 3, 'm', 'a.jpg');
  assert.deepEqual(desk.files(), []);
  desk.answer(send, { status: 'success', mediaId: 'm' });
  assert.deepEqual(desk.chat.files.entries, []);
});

test('what only looked like it does not hide it', () => {
  const desk = new Desk().joined().run(attach(picture('a')));
  const [send] = desk.take('send-file');
  arrives(desk, 3, 'of another window', 'a.jpg');
  desk.answer(send, { status: 'success', mediaId: 'm' });
  assert.deepEqual(desk.files(), ['a taken']);
  arrives(desk, 4, 'm', 'a.jpg');
  assert.deepEqual(desk.files(), []);
});

test("somebody else's file, another name and another kind settle nothing", () => {
  const desk = new Desk().joined().run(attach(picture('a')));
  arrives(desk, 3, 'm1', 'a.jpg', { userId: 'eve' });
  arrives(desk, 4, 'm2', 'b.jpg');
  desk.run((chat, now) => chat.message({ ...stored(5, 'm3', 'a.jpg'), mime: 'audio/ogg' }, now));
  assert.deepEqual(desk.files(), ['a sending']);
});

test('file-error: in words, once, and also before the ack', () => {
  for (const early of [false, true]) {
    const desk = new Desk().joined().run(attach(picture('a')));
    const [send] = desk.take('send-file');
    const fail = () => desk.run((chat, now) => chat.files.error({ mediaId: 'm', code: 'unsupported_media', message: 'no such type' }, now));
    if (early) fail();
    desk.answer(send, { status: 'success', mediaId: 'm' });
    if (!early) fail();
    fail();
    const [entry] = desk.chat.files.entries;
    assert.deepEqual([entry.state, entry.reason, entry.hopeless], ['failed', 'No such type.', true], `early: ${early}`);
    assert.match(desk.chat.alert.text, /^a\.jpg was not sent\. No such type\.$/);
  }
});

test('a failure that passes is tried again after retryAfter, then a person decides', () => {
  const desk = new Desk().joined().run(attach(picture('a')));
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const sends = desk.take('send-file');
    assert.equal(sends.length, 1, `attempt ${attempt}`);
    desk.answer(sends[0], { status: 'error', code: 'overloaded', message: 'm', retryAfter: 15_000 }).pass(14_999);
    assert.deepEqual(desk.take('send-file'), []);
    desk.pass(1);
  }
  assert.deepEqual(desk.files(), ['a failed']);
  desk.run((chat, now) => chat.files.again('a', now));
  assert.equal(desk.take('send-file').length, 1);
});

test('a socket that does not answer is asked again, under the same name, and then a person decides', () => {
  const desk = new Desk().joined().run(attach(picture('a')));
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const [send] = desk.take('send-file');
    assert.equal(send.payload.clientMessageId, 'a', `attempt ${attempt}`);
    desk.answer(send, null).pass(60_000);
  }
  assert.deepEqual(desk.files(), ['a failed']);
  assert.deepEqual(desk.take('send-file'), []);
  // What had arrived all the same is found by the answer.
  arrives(desk, 3, 'm', 'other.jpg');
  desk.run((chat, now) => chat.files.again('a', now)).answer(desk.take('send-file')[0], { status: 'success', mediaId: 'm' });
  assert.deepEqual(desk.files(), []);
});

test('a lost connection: it is looked for in what was missed', () => {
  const desk = new Desk().joined([message(1)]).run(attach(picture('a'), picture('b')));
  const [send] = desk.take('send-file');
  desk.lost().answer(send, null);
  assert.deepEqual(desk.files(), ['a unsure', 'b waiting']);
  desk.run((chat, now) => chat.connected(now));
  arrives(desk, 2, 'm', 'a.jpg');
  assert.deepEqual(desk.files(), ['b waiting']);
  desk.run((chat, now) => chat.recovered({ room: 'general', from: 1, to: 2, complete: true }, now));
  assert.deepEqual(desk.take('send-file').map(({ file }) => file), ['b']);
});

test('a lost connection: what does not appear is sent once more, as often as it takes', () => {
  const desk = new Desk().joined([message(1)]).run(attach(picture('a')));
  desk.lost().pass(10 * APPEARS_WITHIN);
  assert.deepEqual(desk.files(), ['a unsure'], 'nothing is decided without a connection');
  desk.back();
  desk.take('send-file');
  desk.pass(APPEARS_WITHIN - 1);
  assert.deepEqual(desk.files(), ['a unsure']);
  desk.pass(1);
  assert.deepEqual(desk.files(), ['a sending']);
  desk.lost().back().pass(APPEARS_WITHIN);
  assert.deepEqual(desk.files(), ['a sending']);
});

test('what was taken before the connection was lost is waited for anew', () => {
  const desk = new Desk().joined([message(1)]).run(attach(picture('a')));
  desk.answer(desk.take('send-file')[0], { status: 'success', mediaId: 'm' });
  desk.lost().pass(2 * DONE_WITHIN).back();
  assert.deepEqual(desk.files(), ['a taken']);
  desk.pass(DONE_WITHIN);
  assert.deepEqual(desk.files(), ['a failed']);
  arrives(desk, 2, 'm', 'a.jpg');
  assert.deepEqual(desk.files(), [], 'late is not never');
});

test('the direct way: ticket, bytes, completion, and its message', () => {
  const desk = new Desk().joined().run(configured(true)).run(attach(large('a')));
  const [ask] = desk.takeUploads();
  assert.deepEqual(ask.request, { room: 'general', filename: 'a.jpg', mime: 'image/jpeg', size: MAX_BY_SOCKET + 1 });
  desk.answer(ask, ticket(desk.now));
  const [post] = desk.takeUploads();
  assert.deepEqual([post.upload, post.file, post.ticket.url, post.ticket.fields], ['post', 'a', 'https://s3.example/', { key: 'k' }]);
  desk.run(() => post.progress(0.43));
  const [entry] = desk.chat.files.entries;
  assert.deepEqual(fateOf(entry, true), { words: 'Sending 43%', part: 0.43, moving: true, cancel: 'Cancel' });
  desk.run(() => post.progress(0.6));
  assert.equal(desk.chat.files.news.text, 'Half of a.jpg is sent.');
  desk.answer(post, { status: 'success' });
  const [complete] = desk.takeUploads();
  assert.deepEqual([complete.upload, complete.uploadId], ['complete', 'u-1']);
  desk.answer(complete, { status: 'success', mediaId: 'm' });
  assert.deepEqual(desk.files(), ['a taken']);
  arrives(desk, 3, 'm', 'a.jpg');
  assert.deepEqual(desk.files(), []);
  assert.equal(desk.chat.files.news.text, 'a.jpg is sent.');
});

test('the direct way: an interrupted upload goes on by itself, with the ticket while it is good', () => {
  const { desk, effect } = directTo('post');
  desk.answer(effect, null).pass(30_000);
  const [again] = desk.takeUploads();
  assert.deepEqual([again.upload, again.ticket.uploadId], ['post', 'u-1']);
  desk.now += 600_000;
  desk.answer(again, null).pass(30_000);
  assert.equal(desk.takeUploads()[0].upload, 'ask', 'a ticket that ran out is asked for anew');
});

test('the direct way: a refused form wants another ticket, but not for ever', () => {
  const desk = new Desk().joined().run(configured(true)).run(attach(large('a')));
  let asked = 0;
  for (let [effect] = desk.takeUploads(); effect; [effect] = desk.takeUploads()) {
    asked += effect.upload === 'ask' ? 1 : 0;
    desk.answer(effect, effect.upload === 'ask' ? ticket(desk.now) : { status: 'error', code: 'forbidden', message: 'x', http: 403 }).pass(60_000);
  }
  assert.equal(asked, MAX_ATTEMPTS);
  assert.deepEqual(desk.files(), ['a failed']);
});

test('the direct way: completing is repeated without the bytes; an upload that is gone begins anew', () => {
  const { desk, effect } = directTo('complete');
  desk.answer(effect, null).pass(30_000);
  const [again] = desk.takeUploads();
  assert.equal(again.upload, 'complete');
  desk.answer(again, { status: 'error', code: 'invalid', message: 'gone', http: 404 }).pass(30_000);
  assert.equal(desk.takeUploads()[0].upload, 'ask');
});

test('the direct way: one that appears although nobody has said that it is complete stands there once', () => {
  for (const order of ['before', 'after']) {
    const { desk, effect } = directTo('complete');
    if (order === 'before') arrives(desk, 3, 'm', 'a.jpg');
    desk.answer(effect, null);
    if (order === 'after') arrives(desk, 3, 'm', 'a.jpg');
    assert.deepEqual(desk.files(), [], order);
    desk.pass(30_000).answer(desk.takeUploads()[0], { status: 'success', mediaId: 'm' });
    assert.deepEqual(desk.chat.files.entries, [], order);
  }
});

test('the direct way: a file that is refused for what it is can only be discarded', () => {
  const { desk, effect } = directTo('complete');
  desk.answer(effect, { status: 'error', code: 'unsupported_media', message: 'not a picture', http: 415 });
  assert.deepEqual(desk.chat.files.entries.map(({ state, hopeless }) => [state, hopeless]), [['failed', true]]);
  desk.run((chat, now) => chat.files.discard('a', now));
  assert.deepEqual(desk.files(), []);
  assert.deepEqual(desk.kept, [{ abort: 'a' }, { drop: 'a' }]);
});

test('the direct way does not mind the socket, but begins nothing without it', () => {
  const { desk, effect } = directTo('post');
  desk.lost();
  assert.deepEqual(desk.files(), ['a uploading']);
  desk.answer(effect, null).pass(60_000);
  assert.deepEqual(desk.takeUploads(), []);
  desk.back();
  assert.equal(desk.takeUploads().length, 1);
});

test('cancelled: nothing of it goes on, a late answer does no harm, and the next one leaves', () => {
  const desk = new Desk().joined().run(configured(true)).run(attach(large('a'), picture('b')));
  const [ask] = desk.takeUploads();
  desk.run((chat, now) => chat.files.discard('a', now));
  assert.ok(desk.kept.some(({ abort }) => abort === 'a'));
  assert.deepEqual(desk.take('send-file').map(({ file }) => file), ['b']);
  desk.answer(ask, ticket(desk.now));
  assert.deepEqual(desk.takeUploads(), []);
});

test('large files wait for the word where they go, and are refused where there is none', () => {
  const desk = new Desk().joined().run(attach(large('a'), picture('b')));
  assert.deepEqual(desk.files(), ['a waiting', 'b sending']);
  desk.run(configured(false));
  assert.deepEqual(desk.files(), ['a failed', 'b sending']);
  desk.run(attach(large('c')));
  assert.match(desk.chat.files.refusals[0], /“c\.jpg” has 1\.0 MB.*up to 1 MB/);
});

test('what cannot be sent is refused in words; the others go', () => {
  const desk = new Desk().joined().run(attach(picture('a', { size: MAX_FILE + 1 }), picture('b', { size: 0 }), picture('c', { type: 'text/plain' }), picture('d')));
  assert.equal(desk.chat.files.refusals.length, 3);
  assert.deepEqual(desk.files(), ['d sending']);
  assert.deepEqual(desk.kept, [{ drop: 'a' }, { drop: 'b' }, { drop: 'c' }]);
  desk.run((chat) => chat.files.dismissRefusals());
  assert.deepEqual(desk.chat.files.refusals, []);
});

test('how many may wait is bounded', () => {
  const many = Array.from({ length: MAX_WAITING + 2 }, (_, index) => picture(`f${index}`));
  const desk = new Desk().joined().run(attach(...many));
  assert.equal(desk.chat.files.entries.length, MAX_WAITING);
  assert.equal(desk.chat.files.refusals.length, 2);
});

test('files for a room that is not joined yet wait; leaving the room ends them', () => {
  const desk = new Desk().run((chat, now) => chat.connected(now)).run(attach(picture('a')));
  assert.deepEqual(desk.take('send-file'), []);
  desk.answer(desk.take('join-room')[0], { status: 'success', room: 'general', seq: 0, history: [] });
  assert.equal(desk.take('send-file').length, 1);
  desk.run((chat) => chat.leave('general'));
  assert.deepEqual(desk.chat.files.entries, []);
  assert.deepEqual(desk.kept, [{ abort: 'a' }, { drop: 'a' }]);
  desk.run(attach(picture('b')));
  assert.deepEqual(desk.kept.at(-1), { drop: 'b' });
});
