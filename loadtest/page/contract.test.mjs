// The page against the golden fixtures of `wire`, which the services' tests read as well.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MAX_FILE, TAKEN_TYPES } from '../../public/js/model/attachable.js';
import { Chat, PAGE } from '../../public/js/model/chat.js';
import { isTemporary } from '../../public/js/model/outbox.js';
import { MAX_CONTENT } from '../../public/js/model/plain-text.js';
import { DEFAULT_ROOM, MAX_ROOM_BYTES } from '../../public/js/model/room-names.js';

const root = new URL('../../', import.meta.url);
const text = (path) => readFileSync(new URL(path, root), 'utf8');
const fixture = (name) => JSON.parse(text(`wire/fixtures/${name}.json`));
const NOW = 1_000_000;
const rooms = ['general', 'a.b *>🐦'];
const small = (id) => ({ id, name: 'cat.jpg', type: 'image/jpeg', size: 1000 });
const opened = () => new Chat({ me: { userId: 'u-9', username: 'Me' }, rooms, active: 'general', reads: {}, outbox: [] }, NOW);

test('bounds and names', () => {
  const { bounds, defaultRoom, connectErrors } = fixture('connection');
  assert.equal(MAX_CONTENT, bounds.maxContentChars);
  assert.equal(MAX_ROOM_BYTES, bounds.maxRoomBytes);
  assert.equal(PAGE, bounds.defaultHistory);
  assert.equal(MAX_FILE, bounds.maxFileBytes);
  assert.equal(DEFAULT_ROOM, defaultRoom);
  const [, banned] = /BANNED: &str = "([^"]+)"/.exec(text('wire/src/error.rs'));
  for (const words of [...Object.values(connectErrors), banned]) assert.ok(text('public/js/link/line.js').includes(`'${words}'`), words);
});

test('types of files', () => {
  const [, list] = /TAKEN_TYPES: \[&str; \d+\] = \[([^\]]+)\]/.exec(text('wire/src/media.rs'));
  assert.deepEqual(TAKEN_TYPES, [...list.matchAll(/"([^"]+)"/g)].map(([, type]) => type));
});

test('errors: those that carry retryAfter are tried again, the others are not', () => {
  for (const [code, [failure]] of Object.entries(fixture('errors'))) assert.equal(isTemporary(code), failure.retryAfter !== undefined, code);
});

test('every event of the server leaves its trace', () => {
  const events = fixture('server-events');
  const chat = opened();
  for (const message of [...events['chat-message'], ...events['file-message']]) {
    chat.message(message, NOW);
    assert.ok(chat.rooms.get(message.room).timeline.messages.some(({ id }) => id === message.id));
  }
  for (const list of events['user-list']) {
    chat.userList(list);
    assert.equal(chat.rooms.get(list.room).presence.count, list.count);
  }
  for (const change of events.presence) {
    chat.presence(change);
    assert.equal(chat.rooms.get(change.room).presence.count, change.count);
  }
  for (const typer of events.typing) {
    chat.typing(typer, NOW);
    assert.ok(chat.rooms.get(typer.room).typers.has(typer.userId));
  }
  for (const announcement of events['admin-announcement']) {
    chat.announced(announcement);
    assert.equal(chat.announcements.at(-1).content, announcement.content);
  }
  for (const { message } of events['auth-error']) {
    const dismissed = opened();
    dismissed.sentAway(message);
    assert.equal(dismissed.link.why, message);
  }
  for (const end of events.recovered) {
    chat.open(end.room);
    chat.recovered(end, NOW);
    const room = chat.rooms.get(end.room);
    assert.equal(room.timeline.gaps.includes(end.from), !end.complete && end.code === undefined);
    assert.equal(room.phase, end.code === undefined ? 'in' : 'refused');
  }
});

test('the page listens to every event of the server', () => {
  const connection = text('public/js/link/connection.js');
  for (const event of Object.keys(fixture('server-events'))) assert.ok(connection.includes(`on('${event}'`), event);
});

test('acks are understood', () => {
  const acks = fixture('acks');
  const chat = opened();
  const [join] = chat.connected(NOW);
  const [joined] = acks['join-room'];
  join.answer(joined, NOW);
  assert.deepEqual(chat.rooms.get('general').timeline.messages, joined.history);
  assert.equal(chat.positions().general, joined.seq);
  const [send] = chat.send('x', 'c-9', NOW);
  const [stored] = acks['chat-message'];
  send.answer({ ...stored, id: 'new', seq: 4_720 }, NOW);
  assert.equal(chat.rooms.get('general').timeline.messages.at(-1).seq, 4_720);
  const [sendFile] = chat.sendFiles('general', [small('f-1')], NOW);
  const [queued] = acks['send-file'];
  sendFile.answer(queued, NOW);
  assert.equal(chat.files.entries[0].mediaId, queued.mediaId);
  const [error] = fixture('server-events')['file-error'];
  chat.files.error({ ...error, mediaId: queued.mediaId }, NOW);
  assert.equal(chat.files.entries[0].state, 'failed');
});

test('the direct way has the shape of the fixtures', () => {
  const { UploadRequest, UploadTicket, UploadDone } = fixture('media');
  const chat = opened();
  chat.connected(NOW)[0].answer({ status: 'success', room: 'general', seq: 0, history: [] }, NOW);
  chat.files.configured(true, NOW);
  const [ask] = chat.sendFiles('general', [{ ...small('f-1'), size: 5_000_000 }], NOW);
  assertShape(ask.request, UploadRequest, 'UploadRequest');
  const [post] = ask.answer(UploadTicket[0], NOW);
  assert.deepEqual([post.ticket.url, post.ticket.fields], [UploadTicket[0].url, UploadTicket[0].fields]);
  const [complete] = post.answer({ status: 'success' }, NOW);
  assert.equal(complete.uploadId, UploadTicket[0].uploadId);
  complete.answer(UploadDone[0], NOW);
  assert.equal(chat.files.entries[0].mediaId, UploadDone[0].mediaId);
});

test('what the page sends has the shape of the fixtures', () => {
  const events = fixture('client-events');
  const chat = opened();
  const sent = chat.connected(NOW);
  for (const [index, effect] of sent.entries()) {
    const history = index === 0 ? Array.from({ length: PAGE }, (_, at) => ({ ...fixture('server-events')['chat-message'][0], id: `i${at}`, seq: at + 10 })) : [];
    effect.answer({ status: 'success', room: effect.payload.room, seq: 90, history }, NOW);
  }
  sent.push(...chat.typed(NOW), ...chat.send('hello', 'c-1', NOW), ...chat.sendFiles('general', [small('f-1')], NOW), ...chat.loadOlder('general'), ...chat.leave('a.b *>🐦'));
  chat.disconnected({ final: false, online: true }, NOW);
  chat.connected(NOW);
  sent.push(...chat.tick(NOW + 60_000));
  const emitted = sent.filter(({ emit }) => emit);
  for (const { emit, payload } of emitted) assertShape(payload, events[emit], emit);
  const ours = new Set(emitted.map(({ emit }) => emit));
  assert.deepEqual([...ours].sort(), ['chat-message', 'history', 'join-room', 'leave-room', 'send-file', 'typing']);
});

function assertShape(payload, examples, event) {
  const fields = Object.assign({}, ...examples.filter((example) => typeof example === 'object'));
  for (const [name, value] of Object.entries(payload)) {
    assert.ok(name in fields, `${event} has no field ${name}`);
    assert.equal(typeof value, typeof fields[name], `${event}.${name}`);
  }
}

/** The modules that one imports, itself left out, and all that those import. */
function importsOf(path, found = new Set()) {
  for (const [, name] of text(`public${path}`).matchAll(/from '(\.[^']+)'/g)) {
    const { pathname } = new URL(name, `file://${path}`);
    if (found.has(pathname)) continue;
    found.add(pathname);
    importsOf(pathname, found);
  }
  return found;
}

for (const [page, main] of [['index.html', '/js/main.js'], ['admin.html', '/js/admin/main.js']]) test(`${page}: no inline script or style, and every module is preloaded`, () => {
  const html = text(`public/${page}`);
  assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+=|javascript:/i);
  for (const [, attributes, body] of html.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)) {
    assert.match(attributes, /src="\/js\//);
    assert.equal(body, '');
  }
  const preloaded = [...html.matchAll(/modulepreload" href="([^"]+)"/g)].map(([, href]) => href);
  assert.deepEqual(preloaded.sort(), [...importsOf(main), '/vendor/socket.io.esm.min.js'].sort());
});

test('markup becomes elements in one module alone, and never as it is', () => {
  const folders = ['', 'model/', 'link/', 'view/', 'admin/', 'admin/model/', 'admin/view/'];
  const files = folders.flatMap((folder) => readdirSync(new URL(`public/js/${folder}`, root)).map((file) => `public/js/${folder}${file}`));
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const source = text(file);
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|createContextualFragment|\beval\(|new Function|cssText/, file);
    assert.equal(/DOMParser/.test(source), file === 'public/js/view/server-html.js', file);
  }
});

test('every module belongs to a page', () => {
  const folders = ['link', 'model', 'view', 'admin/model', 'admin/view'];
  const modules = folders.flatMap((folder) => readdirSync(new URL(`public/js/${folder}`, root)).map((file) => `/js/${folder}/${file}`));
  const used = new Set([...importsOf('/js/main.js'), ...importsOf('/js/admin/main.js')]);
  assert.deepEqual(modules.filter((path) => !used.has(path)), []);
});
