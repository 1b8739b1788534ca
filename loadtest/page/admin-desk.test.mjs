// The administrator's desk, without sockets: what it asks for and when, and what it says; against the fixtures of `wire`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Desk, deskAdvice, REFRESH } from '../../public/js/admin/model/desk.js';
import { lagWords, partitionsMissing, PARTITIONS, partitionWords, uptimeWords } from '../../public/js/admin/model/figures.js';
import { announcement, ban, BAN_LENGTHS, kick, MAX_WORDS, outcomeOf, unban } from '../../public/js/admin/model/order.js';
import { ratePath, rateWords, WIDTH, WINDOW, withSample } from '../../public/js/admin/model/rates.js';

const NOW = 1_000_000;
const text = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { requests, acks } = JSON.parse(text('wire/fixtures/admin.json'));
const [stats] = acks.stats;
const unavailable = { status: 'error', code: 'unavailable', message: 'the nodes do not answer; ask again', retryAfter: 5_000 };

const open = () => {
  const desk = new Desk({ userId: 'u-9', username: 'Root' }, NOW);
  const [asked] = desk.connected(NOW);
  return { desk, asked };
};

test('figures are asked for every two seconds, one request at a time', () => {
  const { desk, asked } = open();
  assert.deepEqual([asked.emit, asked.payload], ['stats', requests.stats[0]]);
  assert.equal(desk.nextTick(), null, 'nothing is due while an answer is awaited');
  assert.deepEqual(desk.tick(NOW + 60_000), []);
  assert.deepEqual(asked.answer(stats, NOW + 300), []);
  assert.equal(desk.stats, stats);
  assert.equal(desk.nextTick(), NOW + REFRESH);
  assert.deepEqual(desk.tick(NOW + REFRESH - 1), []);
  const [again] = desk.tick(NOW + REFRESH);
  assert.equal(again.answer(stats, NOW + REFRESH + 5_000).length, 1, 'a slow answer is followed by the next request');
});

test('a hidden page asks for nothing, and at once when it is seen again', () => {
  const { desk, asked } = open();
  desk.attend(false, NOW);
  asked.answer(stats, NOW + 300);
  assert.equal(desk.nextTick(), null);
  assert.deepEqual(desk.tick(NOW + 60_000), []);
  assert.equal(desk.attend(true, NOW + 60_000)[0].emit, 'stats');
});

test('a lost connection is said, and its answers are of no use any more', () => {
  const { desk, asked } = open();
  asked.answer(stats, NOW);
  const [late] = desk.tick(NOW + REFRESH);
  desk.disconnected({ final: false, online: true });
  assert.match(deskAdvice(desk), /connection was lost/);
  assert.equal(desk.nextTick(), null);
  const [asksAgain] = desk.connected(NOW + 9_000);
  assert.deepEqual(late.answer(null, NOW + 9_001), []);
  assert.equal(desk.statsProblem, '');
  asksAgain.answer(stats, NOW + 9_100);
  assert.equal(desk.statsAt, NOW + 9_100);
});

test('figures that do not come are said, and asked for again when the server allows', () => {
  const { desk, asked } = open();
  asked.answer(unavailable, NOW + 1_000);
  assert.equal(deskAdvice(desk), 'No new figures: the nodes do not answer; ask again');
  assert.equal(desk.nextTick(), NOW + 6_000);
  const [again] = desk.tick(NOW + 6_000);
  again.answer(null, NOW + 16_000);
  assert.match(deskAdvice(desk), /did not answer/);
  assert.equal(desk.asked.at, NOW + 16_000);
});

test('who is sent away reads why, and asks for nothing', () => {
  const { desk } = open();
  desk.sentAway('You are banned: a test');
  desk.disconnected({ final: true, online: true });
  assert.match(deskAdvice(desk), /^You are banned: a test\./);
  assert.equal(desk.nextTick(), null);
});

test('orders have the shape of the fixtures', () => {
  assert.deepEqual(announcement('Back in five minutes').payload, requests['broadcast-message'][1]);
  assert.deepEqual([kick('u-1', '').payload, kick('u-1', ' spam ').payload], requests.kick);
  assert.deepEqual([ban('u-1', '', null).payload, ban('u-1', 'spam', 3_600).payload], requests.ban);
  assert.deepEqual([unban('u-1').payload], requests.unban);
  const events = [announcement('x'), kick('u', ''), ban('u', '', null), unban('u')].map(({ emit }) => emit);
  assert.deepEqual([...events, 'stats'].sort(), Object.keys(requests).sort());
});

test('what came of an order, in words', () => {
  const words = (order, ack) => outcomeOf(order, ack).words;
  assert.equal(words(announcement('x'), acks['broadcast-message'][0]), 'Shown to 4,711 connections on 3 nodes.');
  assert.equal(words(kick('u-1', ''), acks.kick[0]), '2 connections of u-1 ended, on 3 nodes asked. They may come again.');
  assert.match(words(kick('u-1', ''), { ...acks.kick[0], sockets: 0 }), /^u-1 has no connection .* nothing was ended/);
  assert.equal(words(ban('u-1', '', null), acks.ban[0]), 'u-1 is banned until the ban is lifted.');
  assert.match(words(ban('u-1', '', 600), acks.ban[1]), /^u-1 is banned until \w+.* 23 November 2026/);
  assert.equal(words(unban('u-1'), acks.unban[0]), 'u-1 is not banned any more.');
  assert.equal(words(kick('u-1', ''), unavailable), 'Not kicked: The nodes do not answer; ask again.');
  assert.match(words(kick('u-1', ''), null), /not known whether/);
});

test('an order that cannot be right is not sent, and says why', () => {
  const { desk } = open();
  const long = 'x'.repeat(MAX_WORDS + 1);
  for (const [form, order, expected] of [
    ['announce', announcement(' \n'), /Write what/],
    ['announce', announcement(long), /1,001 characters/],
    ['user', kick('', ''), /user id/],
    ['user', ban('u'.repeat(129), '', null), /128 bytes/],
    ['user', kick('u-1', long), /reason has 1,001/],
  ]) {
    assert.deepEqual(desk.order(form, order, NOW), []);
    assert.match(desk.forms[form].outcome.words, expected);
  }
  assert.deepEqual(desk.deeds, []);
  desk.disconnected({ final: false, online: true });
  assert.deepEqual(desk.order('user', unban('u-1'), NOW), []);
  assert.match(desk.forms.user.outcome.words, /no connection/);
});

test('one order of a form at a time, and a failure is waited out', () => {
  const { desk, asked } = open();
  asked.answer(stats, NOW);
  const [sent] = desk.order('user', kick('u-1', ''), NOW);
  assert.deepEqual(desk.order('user', kick('u-1', ''), NOW), []);
  assert.equal(desk.order('announce', announcement('x'), NOW).length, 1, 'the other form has its own');
  sent.answer(unavailable, NOW + 100);
  assert.deepEqual(desk.order('user', kick('u-1', ''), NOW + 5_000), []);
  const later = NOW + 5_100;
  desk.attend(false, NOW);
  assert.equal(desk.nextTick(), later);
  desk.tick(later);
  assert.equal(desk.forms.user.retryAt, null);
  assert.match(desk.forms.user.outcome.words, /Not kicked/, 'it stands until the next order');
  const [again] = desk.order('user', kick('u-1', ''), later);
  again.answer(acks.kick[0], later);
  assert.deepEqual(desk.deeds.map(({ good }) => good), [true, false]);
});

test('partitions, lag and times in words', () => {
  const some = (partitions, workers = [{}]) => partitionWords({ partitions, workers });
  assert.equal(some(64), 'Every partition has its owner.');
  assert.match(some(63), /^1 partition has no owner/);
  assert.match(some(32), /^32 partitions have no owner/);
  assert.match(some(70), /two owners/);
  assert.match(some(0, []), /No fan-out worker/);
  assert.deepEqual([64, 63].map((partitions) => partitionsMissing({ partitions })), [false, true]);
  assert.notEqual(lagWords({ lag: 0 }), lagWords({ lag: 1 }));
  const times = [[9, '9 s'], [61, '1 min'], [12_000, '3 h 20 min'], [1_051_200, '12 d 4 h']];
  for (const [seconds, words] of times) assert.equal(uptimeWords(seconds), words);
});

test('rates are kept for a while and drawn up to the present', () => {
  const at = (time, messages) => ({ time, messages, deliveries: 0 });
  let samples = [];
  for (const [time, messages] of [[0, 0], [2_000, 10], [30_000, 5], [32_000, 0]]) samples = withSample(samples, at(time, messages));
  const path = ratePath(samples, 'messages');
  assert.equal(path.match(/M/g).length, 2, 'a pause is a gap');
  assert.match(path, new RegExp(`L${WIDTH.toFixed(1)} [\\d.]+$`));
  assert.equal(rateWords(samples, 'messages'), 'Between 0 and 10 in the last 3 minutes');
  assert.equal(rateWords(samples, 'deliveries'), 'Nothing in the last 3 minutes');
  assert.deepEqual(withSample(samples, at(WINDOW + 30_000, 1)).map(({ time }) => time), [32_000, WINDOW + 30_000]);
  assert.equal(ratePath([], 'messages'), '');
  assert.ok(!ratePath([at(5, 0)], 'messages').includes('NaN'));
});

test('bounds and words are those of the contract', () => {
  const admin = text('wire/src/admin.rs');
  assert.equal(MAX_WORDS, Number(/MAX_WORDS_CHARS: usize = ([\d_]+)/.exec(admin)[1].replaceAll('_', '')));
  assert.equal(PARTITIONS, Number(/PARTITIONS: u16 = (\d+)/.exec(text('wire/src/partition.rs'))[1]));
  assert.ok(BAN_LENGTHS.every(({ seconds }) => seconds === null || seconds >= 1));
  const errors = text('wire/src/error.rs');
  const [, required] = /ADMIN_REQUIRED: &str = "([^"]+)"/.exec(errors);
  assert.ok(text('public/js/admin/main.js').includes(`'${required}'`));
});
