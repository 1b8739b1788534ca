import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as outbox from '../../public/js/model/outbox.js';

const NOW = 1_000_000;
const always = () => true;
const never = () => false;
const written = (...ids) => ids.reduce((entries, id) => outbox.enqueue(entries, { id, room: 'r', content: id }, NOW), []);
const idsOf = (entries) => entries.map(({ id }) => id);
const only = ([entry]) => entry;

test('what is written is sent at once, in order', () => {
  assert.deepEqual(idsOf(outbox.due(written('a', 'b'), always, NOW)), ['a', 'b']);
});

test('nothing is sent to a room that is not ready', () => {
  assert.deepEqual(outbox.due(written('a'), never, NOW), []);
  assert.equal(outbox.nextAttempt(written('a'), never), null);
});

test('what is under way is not sent twice', () => {
  assert.deepEqual(outbox.due(outbox.sending(written('a'), 'a'), always, NOW), []);
});

test('a message does not overtake an earlier one of its room that waits', () => {
  let entries = outbox.sending(written('a', 'b'), 'a');
  entries = outbox.refused(entries, 'a', { code: 'overloaded', message: 'busy', retryAfter: 3_000 }, NOW);
  assert.deepEqual(outbox.due(entries, always, NOW + 1), []);
  assert.deepEqual(idsOf(outbox.due(entries, always, NOW + 3_000)), ['a', 'b']);
  const elsewhere = outbox.enqueue(entries, { id: 'c', room: 'other', content: 'c' }, NOW);
  assert.deepEqual(idsOf(outbox.due(elsewhere, always, NOW + 1)), ['c'], 'another room is not held up');
});

for (const code of ['rate_limited', 'overloaded', 'unavailable']) {
  test(`${code} is tried again after retryAfter, with the same id`, () => {
    const entries = outbox.refused(outbox.sending(written('a'), 'a'), 'a', { code, message: 'm', retryAfter: 2_500 }, NOW);
    assert.equal(only(entries).state, 'waiting');
    assert.equal(outbox.nextAttempt(entries, always), NOW + 2_500);
    assert.equal(only(outbox.due(entries, always, NOW + 2_500)).id, 'a');
  });
}

for (const [code, hopeless] of [['invalid', true], ['too_long', true], ['forbidden', false], ['not_a_member', false]]) {
  test(`${code} fails at once with the server's words`, () => {
    const entry = only(outbox.refused(outbox.sending(written('a'), 'a'), 'a', { code, message: 'The server says so.' }, NOW));
    assert.equal(entry.state, 'failed');
    assert.equal(entry.reason, 'The server says so.');
    assert.equal(entry.hopeless, hopeless);
  });
}

test('waits grow, and after the last attempt a person decides', () => {
  let entries = written('a');
  const waits = [];
  for (let attempt = 1; attempt < outbox.MAX_ATTEMPTS; attempt += 1) {
    entries = outbox.unanswered(outbox.sending(entries, 'a'), 'a', NOW);
    assert.equal(only(entries).state, 'waiting');
    waits.push(only(entries).notBefore - NOW);
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000]);
  entries = outbox.unanswered(outbox.sending(entries, 'a'), 'a', NOW);
  assert.equal(only(entries).state, 'failed');
  assert.equal(outbox.nextAttempt(entries, always), null);
});

test('"Send again" starts anew with the same id', () => {
  let entries = outbox.refused(outbox.sending(written('a'), 'a'), 'a', { code: 'forbidden', message: 'no' }, NOW);
  entries = outbox.again(entries, 'a', NOW);
  assert.deepEqual(only(entries), { ...only(written('a')), hopeless: false });
});

test('a lost connection puts what was under way back, without a wait', () => {
  const entries = outbox.interrupted(outbox.sending(written('a', 'b'), 'a'), NOW + 9);
  assert.deepEqual(idsOf(outbox.due(entries, always, NOW + 9)), ['a', 'b']);
  assert.equal(only(entries).attempts, 1);
});

test('lost connections count as attempts', () => {
  let entries = written('a');
  for (let attempt = 0; attempt < outbox.MAX_ATTEMPTS; attempt += 1) entries = outbox.interrupted(outbox.sending(entries, 'a'), NOW);
  assert.equal(only(entries).state, 'failed');
});

test('what is stored or discarded is gone; an unknown id changes nothing', () => {
  const entries = written('a', 'b');
  assert.deepEqual(idsOf(outbox.without(entries, 'a')), ['b']);
  assert.equal(outbox.without(entries, 'z'), entries);
});
