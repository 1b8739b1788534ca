import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, listed, nobody, roll } from '../../public/js/model/presence.js';

const user = (userId, username = userId.toUpperCase()) => ({ userId, username });
const names = (presence, userId) => roll(presence, { userId, username: 'Me' }).people.map(({ username }) => username);

test('a list replaces what was known', () => {
  const presence = listed({ count: 2, users: [user('b'), user('a')] });
  assert.deepEqual(names(presence, 'none'), ['A', 'B']);
});

test('changes add and remove', () => {
  const before = listed({ count: 2, users: [user('a'), user('b')] });
  const after = changed(before, { count: 2, joined: [user('c')], left: [user('a')] });
  assert.deepEqual(names(after, 'none'), ['B', 'C']);
  assert.deepEqual(names(before, 'none'), ['A', 'B'], 'the value before is left alone');
});

test('who left and came back within one change is here', () => {
  const presence = changed(listed({ count: 1, users: [user('a')] }), { count: 1, joined: [user('a')], left: [user('a')] });
  assert.deepEqual(names(presence, 'none'), ['A']);
});

test("the server's count is the truth, beyond the names it lists", () => {
  const presence = listed({ count: 1_200, users: [user('a')] });
  assert.equal(roll(presence, user('a')).unnamed, 1_199);
  assert.equal(changed(presence, { count: 1_199, left: [user('z')], joined: [] }).count, 1_199);
  assert.deepEqual(roll(nobody(), user('a')), { people: [], unnamed: 0 });
});

test('oneself is named also where the server names only others', () => {
  const presence = listed({ count: 300, users: [user('a')] });
  assert.deepEqual(roll(presence, user('z')), { people: [{ ...user('z'), me: true }, { ...user('a'), me: false }], unnamed: 298 });
  assert.deepEqual(names(listed({ count: 1, users: [user('a')] }), 'z'), ['A'], 'a whole list is the truth');
});

test('oneself stands first', () => {
  const presence = listed({ count: 3, users: [user('a'), user('b'), user('z')] });
  assert.deepEqual(names(presence, 'z'), ['Z', 'A', 'B']);
  assert.equal(roll(presence, user('z')).people[0].me, true);
});
