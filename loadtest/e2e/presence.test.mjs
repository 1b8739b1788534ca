// Who is in a room, and who is typing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { connect, member, newRoom, newUser } from './support/client.mjs';
import { bounds } from './support/fixtures.mjs';

const ids = (clients) => clients.map((client) => client.user.userId).sort();
const listed = (list) => list.users.map((user) => user.userId).sort();
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** Waits for a `user-list` of `room` with exactly `clients`; `from` is how many events to skip. */
async function seesExactly(observer, room, clients, from = 0) {
  const expected = ids(clients);
  let list;
  await observer.until(
    () => {
      const lists = observer.inbox.slice(from).filter(({ event, payload }) => event === 'user-list' && payload.room === room);
      list = lists.map((entry) => entry.payload).find((payload) => same(listed(payload), expected));
      return list !== undefined;
    },
    () => `a user-list of ${expected.length} users; last came ${JSON.stringify(observer.received('user-list', room).at(-1))}`,
  );
  assert.equal(list.count, expected.length);
  return list;
}

describe('who is there', { concurrency: true }, () => {
  test('comes to a joiner, with everyone on every node', async (t) => {
    const room = newRoom();
    const ada = await member(t, room, { user: newUser('Ada') });
    await seesExactly(ada, room, [ada]);
    const grace = await member(t, room, { node: 1, user: newUser('Grace') });
    const list = await seesExactly(grace, room, [ada, grace]);
    assert.deepEqual(list.users.map((user) => user.username).sort(), ['Ada', 'Grace']);
    await seesExactly(ada, room, [ada, grace]);
  });

  test('comes again to one who joins again', async (t) => {
    const room = newRoom();
    const [ada, grace] = [await member(t, room), await member(t, room, { node: 1 })];
    await seesExactly(ada, room, [ada, grace]);
    const from = ada.inbox.length;
    await ada.join(room);
    await seesExactly(ada, room, [ada, grace], from);
  });

  for (const [how, go] of [
    ['leaves', (client, room) => client.leave(room)],
    ['disconnects', (client) => client.close()],
    ['is cut off', (client) => client.socket.io.engine.close()],
  ]) {
    test(`changes for the others when a member ${how}`, async (t) => {
      const room = newRoom();
      const watchers = [await member(t, room), await member(t, room, { node: 1 })];
      const leavers = [await member(t, room), await member(t, room, { node: 1 })];
      for (const watcher of watchers) await seesExactly(watcher, room, [...watchers, ...leavers]);
      const from = watchers.map((watcher) => watcher.inbox.length);
      for (const leaver of leavers) await go(leaver, room);
      for (const [at, watcher] of watchers.entries()) await seesExactly(watcher, room, watchers, from[at]);
    });
  }

  test('counts a user with several sockets once, until the last is gone', async (t) => {
    const room = newRoom();
    const user = newUser('Ada');
    const watcher = await member(t, room);
    const sockets = [];
    for (const node of [0, 1, 1]) sockets.push(await member(t, room, { node, user }));
    await seesExactly(watcher, room, [watcher, sockets[0]]);
    sockets[0].close();
    sockets[1].close();
    const from = watcher.inbox.length;
    // Another one who comes makes a new list, in which the user must still be.
    const newcomer = await member(t, room);
    await seesExactly(watcher, room, [watcher, sockets[2], newcomer], from);
    sockets[2].close();
    await seesExactly(watcher, room, [watcher, newcomer], from);
  });

  test('is told as changes where the room is large', async (t) => {
    const room = newRoom();
    const count = bounds.smallRoomUsers + 10;
    const crowd = await Promise.all(
      Array.from({ length: count }, (_, n) => member(t, room, { node: n % 2 })),
    );
    const joiner = await member(t, room, { user: newUser('Grace') });
    await seesExactly(joiner, room, [...crowd, joiner]);
    const about = (key, id) => (payload) => payload.room === room && payload[key].some((user) => user.userId === id);
    const { userId } = joiner.user;
    for (const watcher of [crowd[0], crowd[1]]) {
      const came = await watcher.event('presence', about('joined', userId));
      assert.deepEqual(came.joined.find((user) => user.userId === userId), joiner.user);
      assert.ok(came.count > bounds.smallRoomUsers && came.count <= count + 1);
    }
    joiner.close();
    for (const watcher of [crowd[0], crowd[1]]) {
      const went = await watcher.event('presence', about('left', userId));
      assert.equal(went.count, count);
    }
  });

  test('does not go to one who left', async (t) => {
    const room = newRoom();
    const [stayer, leaver] = [await member(t, room), await member(t, room)];
    await seesExactly(leaver, room, [stayer, leaver]);
    await leaver.leave(room);
    const from = leaver.inbox.length;
    const newcomer = await member(t, room);
    await seesExactly(stayer, room, [stayer, newcomer]);
    await leaver.settled();
    assert.deepEqual(leaver.inbox.slice(from).filter(({ payload }) => payload?.room === room), []);
  });
});

describe('typing', { concurrency: true }, () => {
  test('is shown to the other members and not to oneself', async (t) => {
    const room = newRoom();
    const ada = await member(t, room, { user: newUser('Ada') });
    const others = [await member(t, room, { node: 0 }), await member(t, room, { node: 1 })];
    const stranger = await connect(t);
    ada.socket.emit('typing', { room, typing: true });
    for (const other of others) {
      const typing = await other.event('typing', (payload) => payload.room === room);
      assert.deepEqual(typing, { room, ...ada.user, typing: true });
    }
    // What others type comes after what Ada typed: an echo to Ada would have come before it.
    others[0].socket.emit('typing', { room, typing: true });
    await ada.event('typing', (payload) => payload.userId === others[0].user.userId);
    assert.deepEqual(ada.received('typing', room).map((payload) => payload.userId), ids([others[0]]));
    ada.socket.emit('typing', { room, typing: false });
    await others[1].event('typing', (payload) => payload.room === room && payload.typing === false);
    await stranger.settled();
    assert.deepEqual(stranger.received('typing', room), []);
  });

  test('is not part of the history', async (t) => {
    const room = newRoom();
    const [ada, grace] = [await member(t, room), await member(t, room, { node: 1 })];
    ada.socket.emit('typing', { room, typing: true });
    await grace.event('typing', (payload) => payload.room === room);
    const { messages } = await grace.succeed('history', { room });
    assert.deepEqual(messages, []);
  });
});
