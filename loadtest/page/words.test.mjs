// Small values and their words: the connection, unread counts, positions, rooms, people, text, marks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayOf, dayWords, deadlineWords } from '../../public/js/model/clock-words.js';
import { safeAddress, verdict } from '../../public/js/model/html-policy.js';
import * as links from '../../public/js/model/link-state.js';
import { claimsOf, personFor, tidyName, tokenInFragment } from '../../public/js/model/person.js';
import { asSentence, isJumbo, lengthOf, pieces } from '../../public/js/model/plain-text.js';
import { fnv1a, initialOf, plumageOf } from '../../public/js/model/plumage.js';
import { advance, replayFrom } from '../../public/js/model/positions.js';
import { nameProblem, neighbour, successor } from '../../public/js/model/room-names.js';
import { allRead, badge, missed, seen, sinceReading } from '../../public/js/model/unread.js';

const NOW = 9_000;

test('the connection in words', () => {
  const fresh = links.newLink();
  assert.equal(links.linkWords(fresh), 'Connecting');
  const up = links.up(fresh);
  assert.equal(links.linkWords(up), 'Connected');
  const lost = links.down(up, { final: false, online: true });
  assert.equal(links.linkWords(lost), 'Reconnecting');
  assert.notEqual(links.linkAdvice(lost), '');
  assert.equal(links.linkWords(links.down(up, { final: false, online: false })), 'Offline');
  assert.equal(links.linkWords(links.down(up, { final: true, online: true })), 'Disconnected');
});

test('reconnecting becomes offline after a while, and goes on from there', () => {
  let link = links.down(links.up(links.newLink()), { final: false, online: true });
  for (let attempt = 1; attempt < links.OFFLINE_AFTER; attempt += 1) link = links.attemptFailed(link, { online: true });
  assert.equal(link.phase, 'reconnecting');
  link = links.attemptFailed(link, { online: true });
  assert.equal(link.phase, 'offline');
  assert.equal(links.networkBack(link).phase, 'reconnecting');
  assert.equal(links.up(link).phase, 'connected');
});

test('who is sent away reads why, until trying again', () => {
  const up = links.up(links.newLink());
  const kicked = links.sentAway(up, 'You were disconnected by an administrator: a test');
  assert.match(links.linkAdvice(kicked), /^You were disconnected by an administrator: a test\. /);
  const ended = links.down(kicked, { final: true, online: true });
  assert.deepEqual([ended.phase, ended.why], ['ended', kicked.why]);
  assert.equal(links.attemptFailed(ended, { online: true }).phase, 'ended');
  const trying = links.tryAgain(ended);
  assert.deepEqual([trying.phase, trying.why, links.linkAdvice(links.up(trying))], ['reconnecting', '', '']);
  assert.equal(links.tryAgain(links.sentAway(links.newLink(), 'x')).phase, 'connecting');
});

test('a ban says until when, in local time', () => {
  const until = '2026-11-23T15:03:26.005Z';
  const local = deadlineWords(Date.parse(until));
  assert.ok(links.whyWords(`You are banned until ${until}: spam`).startsWith(`You are banned until ${local}: spam. `));
  assert.ok(links.whyWords(`You are banned until ${until}`).startsWith(`You are banned until ${local}. `));
  assert.ok(links.whyWords(`You are banned: until ${until}`).startsWith(`You are banned: until ${until}. `));
  assert.ok(links.whyWords('You are banned').startsWith('You are banned. '));
  assert.equal(links.whyWords('something else'), 'The server ended this session: Something else.');
});

test('what was recovered is told for a while', () => {
  for (const [count, words] of [[0, 'Back, nothing missed'], [1, 'Recovered 1 message'], [14, 'Recovered 14 messages']]) {
    const link = links.recovered(links.up(links.newLink()), { count, complete: true }, NOW);
    assert.equal(links.linkWords(link), words);
    assert.equal(links.linkName(link), 'recovered');
    assert.equal(links.linkAdvice(link), '');
    assert.equal(links.linkWords(links.expireRecovered(link, NOW + links.RECOVERED_FOR)), 'Connected');
  }
  const partly = links.recovered(links.up(links.newLink()), { count: 3, complete: false }, NOW);
  assert.match(links.linkAdvice(partly), /no longer kept/);
});

test('unread counts and the "New" line', () => {
  const two = missed(missed(allRead(), 5), 6);
  assert.deepEqual(two, { count: 2, marker: 5 });
  assert.deepEqual(seen(two), { count: 0, marker: 5 });
  assert.deepEqual(missed(seen(two), 9), { count: 1, marker: 9 });
  const messages = [{ seq: 1, userId: 'a' }, { seq: 2, userId: 'me' }, { seq: 3, userId: 'a' }];
  assert.deepEqual(sinceReading(messages, 1, 'me'), { count: 1, marker: 3 });
  assert.deepEqual(sinceReading(messages, undefined, 'me'), allRead());
  assert.deepEqual([badge(3), badge(100)], ['3', '99+']);
});

test('positions only go forward, and any name is only a name', () => {
  assert.equal(advance(null, 4), 4);
  assert.equal(advance(4, 3), 4);
  assert.equal(advance(4, undefined), 4);
  const positions = replayFrom([{ name: '__proto__', position: 3 }, { name: 'a', position: 0 }, { name: 'b', position: null }]);
  assert.equal(JSON.stringify(positions), '{"__proto__":3,"a":0}');
});

test('names of rooms', () => {
  for (const good of ['general', 'a.b *>', '🐦'.repeat(32), 'x'.repeat(128)]) assert.equal(nameProblem(good), null, good);
  for (const bad of ['', 'x'.repeat(129), '🐦'.repeat(33), 'two\nlines']) assert.notEqual(nameProblem(bad), null, bad);
});

test('from room to room', () => {
  assert.equal(neighbour(['a', 'b', 'c'], 'c', 1), 'a');
  assert.equal(neighbour(['a', 'b', 'c'], 'a', -1), 'c');
  assert.equal(neighbour([], null, 1), null);
  assert.equal(successor(['a', 'b', 'c'], 'b'), 'c');
  assert.equal(successor(['a', 'b'], 'b'), 'a');
  assert.equal(successor(['a'], 'a'), null);
});

test('people by name in one browser', () => {
  let made = 0;
  const newId = () => `id${(made += 1)}`;
  const ada = personFor([], 'Ada', newId);
  const bo = personFor(ada.people, 'Bo', newId);
  assert.notEqual(ada.userId, bo.userId);
  assert.equal(personFor(bo.people, 'ADA', newId).userId, ada.userId);
  assert.equal(tidyName('  Ada \n Lovelace '), 'Ada Lovelace');
});

test('tokens', () => {
  const payload = Buffer.from(JSON.stringify({ sub: 'u1', name: 'Łucja' })).toString('base64url');
  assert.deepEqual(claimsOf(`h.${payload}.s`), { userId: 'u1', username: 'Łucja' });
  for (const bad of ['', 'x', 'a.b.c', `h.${Buffer.from('{}').toString('base64url')}.s`]) assert.equal(claimsOf(bad), null, bad);
  assert.equal(tokenInFragment('#token=a.b.c'), 'a.b.c');
  assert.equal(tokenInFragment(''), null);
});

test('links in plain text', () => {
  const cases = [
    ['no link', [{ text: 'no link' }]],
    ['see https://a.example/x.', [{ text: 'see ' }, { text: 'https://a.example/x', href: 'https://a.example/x' }, { text: '.' }]],
    ['(https://a.example/y)', [{ text: '(' }, { text: 'https://a.example/y', href: 'https://a.example/y' }, { text: ')' }]],
    ['https://a.example/z_(b)', [{ text: 'https://a.example/z_(b)', href: 'https://a.example/z_(b)' }]],
    ['javascript:alert(1)', [{ text: 'javascript:alert(1)' }]],
    ['https://', [{ text: 'https://' }]],
  ];
  for (const [text, expected] of cases) {
    assert.deepEqual(pieces(text), expected, text);
    assert.equal(pieces(text).map((piece) => piece.text).join(''), text);
  }
});

test('emoji and length', () => {
  for (const yes of ['🎉', '👩‍👩‍👧 🇳🇱', '👍🏽👍🏽']) assert.equal(isJumbo(yes), true, yes);
  for (const no of ['', 'a', '🎉!', '1', '🎉'.repeat(6), '#️']) assert.equal(isJumbo(no), false, no);
  assert.equal(lengthOf('🐦a'), 2);
});

test("the server's words as a sentence", () => {
  assert.equal(asSentence('room is empty; expected 1 to 128 bytes'), 'Room is empty; expected 1 to 128 bytes.');
  assert.equal(asSentence('Why?'), 'Why?');
  assert.equal(asSentence(''), '');
});

test('markup that may be shown', () => {
  for (const tag of ['b', 'CODE', 'pre', 'a']) assert.equal(verdict(tag), 'keep', tag);
  for (const tag of ['script', 'STYLE', 'svg', 'iframe', 'template', 'math']) assert.equal(verdict(tag), 'drop', tag);
  for (const tag of ['img', 'div', 'form', 'input', 'x-y', 'base', 'link', 'meta']) assert.equal(verdict(tag), 'unwrap', tag);
  for (const good of ['https://a.example/', 'http://a.example', 'mailto:a@b.example']) assert.equal(safeAddress(good), good);
  for (const bad of ['javascript:alert(1)', ' jAvascript:alert(1)', 'data:text/html,x', '/x', 'vbscript:x', '', null]) assert.equal(safeAddress(bad), null, String(bad));
});

test('days in words', () => {
  const at = (text) => new Date(text).getTime();
  const now = at('2025-03-09T00:10:00');
  assert.equal(dayWords(at('2025-03-09T00:00:00'), now), 'Today');
  assert.equal(dayWords(at('2025-03-08T23:59:00'), now), 'Yesterday');
  assert.match(dayWords(at('2025-03-03T12:00:00'), now), /^Monday,? 3 March$/);
  assert.match(dayWords(at('2024-12-31T12:00:00'), now), /31 December 2024/);
  assert.equal(dayOf(now), '2025-03-09');
});

test('marks', () => {
  assert.equal(fnv1a(''), 0x811c9dc5);
  assert.equal(fnv1a('a'), 0xe40c292c); // a published test vector of FNV-1a
  assert.deepEqual(plumageOf('u1'), plumageOf('u1'));
  assert.notDeepEqual(plumageOf('u1'), plumageOf('u2'));
  for (const { x, y, r } of plumageOf('u1').specks) assert.ok(Math.hypot(x - 16, y - 16) + r <= 16, 'specks stay on the disc');
  assert.deepEqual(['łucja', '👩‍👧 x', '  b', ''].map(initialOf), ['Ł', '👩‍👧', 'B', '']);
});
