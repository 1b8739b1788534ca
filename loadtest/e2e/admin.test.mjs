// Administrators: announcements, kicks, bans and what is going on, over all nodes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Client, TRANSPORTS, connect, member, newRoom, newUser, refusal } from './support/client.mjs';
import { connectErrors } from './support/fixtures.mjs';
import { nodes, restart, token } from './support/stack.mjs';

const admin = (t, options = {}) =>
  connect(t, { user: { ...newUser('Root'), role: 'admin' }, namespace: '/admin', ...options });

/** Waits for the end of a connection that was ended for good; returns what the user was told. */
async function dismissed(client) {
  const { message } = await client.event('auth-error');
  await client.disconnected();
  assert.equal(client.socket.active, false, 'the client tries to come again');
  return message;
}

describe('the namespace of administrators', { concurrency: true }, () => {
  for (const transports of TRANSPORTS) {
    test(`is closed to others, by ${transports.join(' then ')}`, async (t) => {
      for (const role of ['user', 'service']) {
        const user = { ...newUser(), role };
        const client = new Client(user, { auth: { token: await token(user) }, namespace: '/admin', transports });
        t.after(() => client.end());
        client.socket.connect();
        assert.equal(await dismissed(client), 'Admin access required');
      }
    });
  }

  test('is closed to who has no good token', async (t) => {
    const options = { namespace: '/admin' };
    assert.equal(await refusal(t, {}, options), connectErrors.authenticationRequired);
    assert.equal(await refusal(t, { token: 'x.y.z' }, options), connectErrors.invalidToken);
  });

  test('answers what it does not understand', async (t) => {
    const root = await admin(t);
    for (const [event, payload] of [
      ['kick', undefined],
      ['kick', { userId: '' }],
      ['ban', { userId: 'u', seconds: 0 }],
      ['ban', 'u'],
      ['broadcast-message', ' '],
      ['chat-message', { content: 'x' }],
      ['no-such-event', {}],
    ]) {
      await root.fail('invalid', event, ...(payload === undefined ? [] : [payload]));
    }
    await root.fail('too_long', 'broadcast-message', 'x'.repeat(1_001));
    root.socket.emit('unban', { userId: 'nobody' });
    root.socket.emit('nonsense');
    await root.succeed('stats');
  });
});

describe('an administrator', () => {
  test('tells everybody on every node', async (t) => {
    const [root, ana, ben] = await Promise.all([admin(t), connect(t), connect(t, { node: 1 })]);
    const content = `Back in five minutes ${newRoom()}`;
    const reached = await root.succeed('broadcast-message', { content });
    assert.equal(reached.nodes, nodes.length);
    assert.ok(reached.sockets >= 2);
    for (const client of [ana, ben]) {
      const told = await client.event('admin-announcement', (told) => told.content === content);
      assert.equal(told.sender, 'Root');
    }
  });

  test('ends the connections of one user, who may come again', async (t) => {
    const [room, user] = [newRoom(), newUser()];
    const clients = await Promise.all([0, 1].map((node) => member(t, room, { user, node })));
    const other = await member(t, room);
    const root = await admin(t);
    const reached = await root.succeed('kick', { userId: user.userId, reason: 'a test' });
    assert.deepEqual([reached.nodes, reached.sockets], [nodes.length, 2]);
    for (const client of clients) {
      assert.equal(await dismissed(client), 'You were disconnected by an administrator: a test');
    }
    await other.say(room, 'still here');
    await member(t, room, { user });
    const nobody = await root.succeed('kick', { userId: newUser().userId });
    assert.equal(nobody.sockets, 0);
  });

  test('keeps a user away from every node, over restarts, until the ban is lifted', async (t) => {
    const [room, user] = [newRoom(), newUser()];
    const clients = await Promise.all([0, 1].map((node) => member(t, room, { user, node })));
    const root = await admin(t, { node: 1 });
    await root.succeed('ban', { userId: user.userId, reason: 'a test' });
    for (const client of clients) assert.equal(await dismissed(client), 'You are banned: a test');
    const auth = { token: await token(user) };
    const refused = async () => {
      for (const node of [0, 1]) assert.equal(await refusal(t, auth, { node }), 'You are banned: a test');
    };
    await refused();
    await restart('node', 0, { kill: true });
    await refused();
    await root.succeed('unban', { userId: user.userId });
    // Each node hears of it by itself.
    for (const node of [0, 1]) {
      const client = new Client(user, { node, auth });
      t.after(() => client.end());
      while (!client.socket.connected) await client.connected().catch(() => {});
    }
  });

  test('who is banned is an administrator no longer', async (t) => {
    const fallen = { ...newUser('Fallen'), role: 'admin' };
    const [one, other] = await Promise.all([0, 1].map((node) => admin(t, { user: fallen, node })));
    const root = await admin(t);
    await root.succeed('ban', { userId: fallen.userId, reason: 'a test' });
    for (const client of [one, other]) assert.equal(await dismissed(client), 'You are banned: a test');
    const auth = { token: await token(fallen) };
    assert.equal(await refusal(t, auth, { namespace: '/admin' }), 'You are banned: a test');
    await root.succeed('unban', { userId: fallen.userId });
  });

  test('is obeyed in the order of what it says', async (t) => {
    const root = await admin(t);
    const user = newUser();
    const { userId } = user;
    const auth = { token: await token(user) };
    await Promise.all(Array.from({ length: 12 }, (_, at) => root.succeed(at % 2 ? 'unban' : 'ban', { userId })));
    const client = new Client(user, { auth });
    t.after(() => client.end());
    while (!client.socket.connected) await client.connected().catch(() => {});
    await Promise.all(Array.from({ length: 11 }, (_, at) => root.succeed(at % 2 ? 'unban' : 'ban', { userId })));
    assert.match(await dismissed(client), /^You are banned/);
    await root.succeed('unban', { userId });
  });

  test('keeps a user away for a while', async (t) => {
    const user = newUser();
    const root = await admin(t);
    const { until } = await root.succeed('ban', { userId: user.userId, seconds: 2 });
    const client = new Client(user, { auth: { token: await token(user) } });
    t.after(() => client.end());
    const refusals = [];
    while (!client.socket.connected) await client.connected().catch((error) => refusals.push(error.message));
    assert.ok(Date.now() >= Date.parse(until), 'the ban ended too soon');
    assert.deepEqual([...new Set(refusals.slice(1))], [`You are banned until ${until}`]);
  });

  test('sees what goes on', async (t) => {
    const room = newRoom('crowded');
    const members = await Promise.all(
      Array.from({ length: 30 }, (_, at) => member(t, room, { node: at % nodes.length, checkShapes: false })),
    );
    await members[0].event('presence', ({ count }) => count === members.length);
    const root = await admin(t);
    const stats = await root.succeed('stats');
    assert.equal(stats.nodes.length, nodes.length);
    assert.ok(stats.workers.length >= 1);
    assert.equal(stats.partitions, 64);
    assert.ok(stats.sockets >= members.length && stats.connections >= members.length);
    const crowded = stats.rooms.find((other) => other.room === room);
    assert.equal(crowded?.users, members.length);
    assert.equal(stats.nodes.reduce((sum, node) => sum + node.sockets, 0), stats.sockets);
  });
});
