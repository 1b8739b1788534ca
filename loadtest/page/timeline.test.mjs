import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyTimeline, insert, KEEP, newestSeq, oldestSeq, prepend, rejoin, trim, withGap } from '../../public/js/model/timeline.js';

const message = (seq, more = {}) => ({ id: `m${seq}`, seq, userId: 'u', username: 'U', content: `c${seq}`, ...more });
const timelineOf = (...seqs) => seqs.reduce((timeline, seq) => insert(timeline, message(seq)).timeline, emptyTimeline());
const seqs = ({ messages }) => messages.map(({ seq }) => seq);

test('messages stand in the order of seq, whatever order they come in', () => {
  for (const order of [[1, 2, 3], [3, 2, 1], [2, 3, 1], [1, 3, 2]]) assert.deepEqual(seqs(timelineOf(...order)), [1, 2, 3]);
});

test('the same seq twice is one message', () => {
  const timeline = timelineOf(1, 2);
  const { timeline: after, added } = insert(timeline, message(2));
  assert.equal(added, false);
  assert.equal(after, timeline, 'nothing changed, so nothing is drawn again');
});

test('the same id at another seq is one message', () => {
  const { timeline, added } = insert(timelineOf(1, 2), message(9, { id: 'm2' }));
  assert.equal(added, false);
  assert.deepEqual(seqs(timeline), [1, 2]);
});

test('an event fills in what the ack left open', () => {
  const { timeline, added } = insert(timelineOf(1), message(1, { html: '<b>c1</b>' }));
  assert.equal(added, false);
  assert.equal(timeline.messages[0].html, '<b>c1</b>');
  assert.equal(timeline.messages[0].content, 'c1');
});

test('a join takes the history', () => {
  const timeline = rejoin(emptyTimeline(), [message(5), message(6)], true);
  assert.deepEqual(seqs(timeline), [5, 6]);
  assert.equal(timeline.more, true);
});

test('a join keeps what overtook its ack', () => {
  const timeline = rejoin(timelineOf(7), [message(5), message(6)], true);
  assert.deepEqual(seqs(timeline), [5, 6, 7]);
  assert.equal(timeline.more, true, 'what lies before the history can still be fetched');
});

test('a join that overlaps what is held joins the two', () => {
  const held = { ...timelineOf(3, 5), more: true };
  assert.deepEqual(seqs(rejoin(held, [message(5), message(6)], true)), [3, 5, 6]);
});

test('a join that does not reach what is held leaves no hidden hole', () => {
  const timeline = rejoin({ ...timelineOf(1, 2, 90), more: false }, [message(50), message(60)], true);
  assert.deepEqual(seqs(timeline), [50, 60, 90]);
  assert.equal(timeline.more, true);
});

test('an empty history changes nothing', () => {
  const held = timelineOf(1);
  assert.equal(rejoin(held, [], false), held);
});

test('older pages come before, and say whether there are still older ones', () => {
  const timeline = prepend(timelineOf(10, 11), [message(8), message(9)], false);
  assert.deepEqual(seqs(timeline), [8, 9, 10, 11]);
  assert.equal(timeline.more, false);
});

test('memory is bounded; what is forgotten can be fetched again', () => {
  const all = rejoin(emptyTimeline(), Array.from({ length: KEEP }, (_, index) => message(index + 1)), false);
  assert.equal(trim(all), all);
  const trimmed = trim(insert(all, message(KEEP + 1)).timeline);
  assert.ok(trimmed.messages.length < KEEP);
  assert.equal(newestSeq(trimmed), KEEP + 1);
  assert.equal(trimmed.more, true);
});

test('ends of a timeline', () => {
  assert.equal(newestSeq(emptyTimeline()), 0);
  assert.equal(oldestSeq(emptyTimeline()), null);
  assert.equal(oldestSeq(timelineOf(4, 9)), 4);
});

test('a gap is noted once', () => {
  const once = withGap(timelineOf(1), 1);
  assert.deepEqual(once.gaps, [1]);
  assert.equal(withGap(once, 1), once);
});

test('any order of any duplicates ends the same', () => {
  let state = 7;
  const random = (below) => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  for (let round = 0; round < 200; round += 1) {
    const sent = Array.from({ length: 40 }, () => 1 + random(15));
    const expected = [...new Set(sent)].sort((a, b) => a - b);
    assert.deepEqual(seqs(timelineOf(...sent)), expected);
  }
});
