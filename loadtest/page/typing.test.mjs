import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expire, FORGET_AFTER, heard, idle, IDLE_AFTER, nextExpiry, pressed, TELL_EVERY, typingWords } from '../../public/js/model/typing.js';

const NOW = 50_000;
const types = (...names) => names.reduce((typers, name) => heard(typers, { userId: name, username: name, typing: true }, NOW), new Map());

test('in words', () => {
  assert.equal(typingWords(types()), '');
  assert.equal(typingWords(types('Ada')), 'Ada is typing');
  assert.equal(typingWords(types('Ada', 'Bo')), 'Ada and Bo are typing');
  assert.equal(typingWords(types('Ada', 'Bo', 'Cy')), 'Ada, Bo and Cy are typing');
  assert.equal(typingWords(types('Ada', 'Bo', 'Cy', 'Di')), 'Several people are typing');
});

test('who says so stops, who falls silent is forgotten', () => {
  const typers = types('Ada', 'Bo');
  assert.equal(typingWords(heard(typers, { userId: 'Ada', typing: false }, NOW)), 'Bo is typing');
  assert.equal(expire(typers, NOW + FORGET_AFTER - 1), typers);
  assert.equal(expire(typers, NOW + FORGET_AFTER).size, 0);
  assert.equal(nextExpiry(typers), NOW + FORGET_AFTER);
  assert.equal(nextExpiry(new Map()), null);
});

test('one tells the others at most every two seconds, and at once in another room', () => {
  const first = pressed(null, 'r', NOW);
  assert.equal(first.tell, true);
  const soon = pressed(first.own, 'r', NOW + TELL_EVERY - 1);
  assert.equal(soon.tell, false);
  assert.equal(pressed(soon.own, 'r', NOW + TELL_EVERY).tell, true);
  assert.equal(pressed(soon.own, 'other', NOW + 1).tell, true);
});

test('silence ends it', () => {
  const { own } = pressed(null, 'r', NOW);
  assert.equal(idle(own, NOW + IDLE_AFTER - 1), false);
  assert.equal(idle(own, NOW + IDLE_AFTER), true);
  assert.equal(idle(null, NOW), false);
});
