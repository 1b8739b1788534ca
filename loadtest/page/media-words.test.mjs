// The small pure parts around files: what may be sent, blurs, sounds, recordings, albums.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCEPT, cleanName, MAX_FILE, nameWords, refusalOf, savedName, sizeWords, TAKEN_TYPES, typeOf, wayFor } from '../../public/js/model/attachable.js';
import { decodeBlurhash } from '../../public/js/model/blurhash.js';
import { fateOf } from '../../public/js/model/file-fate.js';
import { isNoteName, isOver, leftWords, LONGEST, noteName, problemWords, recordingType } from '../../public/js/model/recording.js';
import { rowsOf } from '../../public/js/model/rows.js';
import { barsOf, clockOf, levelOf, spokenTime } from '../../public/js/model/sound.js';

const file = (name, type, size = 10) => ({ name, type, size });

test('types: by what the browser says, else by the ending', () => {
  for (const type of TAKEN_TYPES) assert.equal(typeOf(file('x', type)), type);
  const cases = [
    ['note.webm', 'audio/webm;codecs=opus', 'audio/webm'],
    ['note.webm', 'video/webm', 'audio/webm'],
    ['a.JPG', '', 'image/jpeg'],
    ['a.m4a', '', 'audio/mp4'],
    ['a.jpg', 'image/jpg', 'image/jpeg'],
    ['a.jpg', 'text/plain', null],
    ['a.heic', 'image/heic', null],
    ['a.svg', 'image/svg+xml', null],
    ['a', '', null],
  ];
  for (const [name, type, expected] of cases) assert.equal(typeOf(file(name, type)), expected, `${name} ${type}`);
  for (const type of TAKEN_TYPES) assert.ok(ACCEPT.split(',').includes(type));
});

test('refusals are sentences that name the file', () => {
  assert.equal(refusalOf(file('a.png', 'image/png', MAX_FILE)), null);
  assert.match(refusalOf(file('a.png', 'image/png', MAX_FILE + 1)), /^“a\.png” has 10\.1 MB\. .*10 MB at most\.$/);
  assert.match(refusalOf(file('a.png', 'image/png', 0)), /is empty/);
  assert.match(refusalOf(file('a.exe', 'application/x-msdownload')), /^“a\.exe” cannot be sent\./);
});

test('ways, names and sizes', () => {
  assert.equal(wayFor(1024 * 1024), 'socket');
  assert.equal(wayFor(1024 * 1024 + 1), 'direct');
  assert.equal(cleanName('C:\\photos\\x\u202egpj.exe\n'), 'xgpj.exe');
  assert.equal(nameWords('a'.repeat(60)).length, 46);
  assert.deepEqual([1, 1023, 2048, 1024 * 1024, 5.25 * 1024 * 1024].map(sizeWords), ['1 byte', '1023 bytes', '2 KB', '1.0 MB', '5.3 MB']);
  assert.equal(savedName({ filename: 'cat.png', mime: 'image/jpeg' }), 'cat.jpg');
  assert.equal(savedName({ mime: 'audio/ogg' }), 'file.ogg');
});

test('a blur is what the reference implementation makes of it', () => {
  // By the npm package blurhash 2.0.5: decode(hash, 2, 2).
  const expected = [135, 164, 177, 255, 181, 180, 171, 255, 120, 148, 162, 255, 158, 125, 108, 255];
  assert.deepEqual([...decodeBlurhash('LEHV6nWB2yk8pyo0adR*.7kCMdnj', 2, 2)], expected);
  for (const bad of [undefined, '', 'LEHV6', 'LEHV6nWB2yk8pyo0adR*.7kCMdn', 'LEHV6nWB2yk8pyo0adR*.7kCMdn"', 'ü'.repeat(28)]) assert.equal(decodeBlurhash(bad, 2, 2), null, String(bad));
});

test('sounds as bars and levels', () => {
  const samples = Float32Array.from({ length: 4000 }, (_, at) => (at < 2000 ? 0 : Math.sin(at)));
  const bars = barsOf(samples, 4);
  assert.deepEqual(bars.slice(0, 2), [0, 0]);
  assert.ok(bars[2] > 0.9 && bars[3] > 0.9 && Math.max(...bars) === 1);
  assert.deepEqual(barsOf(new Float32Array(0), 3), [0, 0, 0]);
  assert.equal(levelOf(new Float32Array(8)), 0);
  assert.equal(levelOf(new Float32Array(8).fill(1)), 1);
});

test('time in a sound', () => {
  assert.deepEqual([0, 7.9, 65, 754, Number.NaN, Infinity].map(clockOf), ['0:00', '0:07', '1:05', '12:34', '–:––', '–:––']);
  assert.deepEqual([0, 1, 65, 120, Number.NaN].map(spokenTime), ['0 seconds', '1 second', '1 minute 5 seconds', '2 minutes', 'unknown length']);
});

test('recording: forms, ends, names, problems', () => {
  assert.equal(recordingType((type) => type.startsWith('audio/mp4')).ending, 'm4a');
  assert.equal(recordingType(() => true).type, 'audio/webm;codecs=opus');
  assert.equal(recordingType(() => false), null);
  for (const { type } of [recordingType(() => true)]) assert.notEqual(typeOf(file('x', type)), null);
  assert.equal(isOver(0, 10, LONGEST - 1), false);
  assert.equal(isOver(0, 10, LONGEST), true);
  assert.equal(isOver(0, MAX_FILE, 1), true);
  assert.equal(leftWords(0, LONGEST - 60_000), '');
  assert.equal(leftWords(0, LONGEST - 9_500), '10 s left');
  const name = noteName(new Date(2025, 2, 9, 7, 5, 3).getTime(), 'webm');
  assert.equal(name, 'Voice note 2025-03-09 07.05.03.webm');
  assert.equal(isNoteName(name), true);
  for (const other of ['song.ogg', undefined]) assert.equal(isNoteName(other), false);
  const words = ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'Insecure', 'Unsupported', 'Short', 'else'].map(problemWords);
  assert.equal(new Set(words).size, words.length);
});

test('fates say what goes on, and what cancelling does', () => {
  const entry = (state, more = {}) => ({ state, attempts: 0, doubts: 0, progress: null, ...more });
  assert.equal(fateOf(entry('waiting'), false).words, 'Waiting for the connection');
  assert.equal(fateOf(entry('waiting', { attempts: 1 }), true).words, 'Will be sent again');
  assert.equal(fateOf(entry('uploading', { progress: 0.999 }), true).words, 'Sending 99%');
  assert.deepEqual([fateOf(entry('sending'), true).part, fateOf(entry('sending'), true).moving], [null, true]);
  for (const state of ['completing', 'taken']) assert.equal(fateOf(entry(state), true).cancel, null);
});

const me = { userId: 'me', username: 'Me' };
const dayOf = (time) => new Date(time).toISOString().slice(0, 10);
const stored = (seq, minute, more = {}) => ({ id: `m${seq}`, seq, userId: 'me', username: 'Me', timestamp: `2025-03-01T10:${minute}:00.000Z`, mediaId: `f${seq}`, mime: 'image/jpeg', ...more });
const onItsWay = (id, minute, more = {}) => ({ id, filename: `${id}.jpg`, mime: 'image/jpeg', state: 'sending', writtenAt: Date.parse(`2025-03-01T10:${minute}:00.000Z`), ...more });
const rows = (messages, unsent = [], fileName) => rowsOf({ timeline: { messages, gaps: [] }, unread: { marker: null } }, unsent, me, dayOf, fileName);
const shape = (list) => list.filter(({ kind }) => kind !== 'day').map(({ kind, pictures }) => (kind === 'album' ? `album of ${pictures.length}` : kind));

test('pictures of one group that follow each other are an album', () => {
  assert.deepEqual(shape(rows([stored(1, '00'), stored(2, '01'), stored(3, '02')])), ['album of 3']);
  assert.deepEqual(shape(rows([stored(1, '00'), stored(2, '01', { userId: 'you' }), stored(3, '02')])), ['message', 'message', 'message']);
  assert.deepEqual(shape(rows([stored(1, '00'), stored(2, '01', { mime: 'audio/ogg' }), stored(3, '02'), stored(4, '02')])), ['message', 'message', 'album of 2']);
  assert.deepEqual(shape(rows([stored(1, '00'), stored(2, '30')])), ['message', 'message']);
});

test('files on their way stand beside what is stored; a failed one stands alone; text keeps its place', () => {
  const failed = onItsWay('b', '02', { state: 'failed' });
  assert.deepEqual(shape(rows([stored(1, '00')], [onItsWay('a', '01'), failed, onItsWay('c', '03')])), ['album of 2', 'message', 'message']);
  const text = { id: 't', content: 'hi', state: 'waiting', writtenAt: Date.parse('2025-03-01T10:01:30.000Z') };
  assert.deepEqual(shape(rows([], [text, onItsWay('a', '01'), onItsWay('c', '03')])), ['message', 'message', 'message']);
});

test('a file keeps its row, and an album its own, when it is stored', () => {
  const before = rows([], [onItsWay('a', '00'), onItsWay('b', '01')]);
  const after = rows([stored(1, '00')], [onItsWay('b', '01')], (mediaId) => ({ f1: 'a' })[mediaId]);
  assert.deepEqual([before.at(-1).key, before.at(-1).pictures.map(({ key }) => key)], [after.at(-1).key, after.at(-1).pictures.map(({ key }) => key)]);
});
