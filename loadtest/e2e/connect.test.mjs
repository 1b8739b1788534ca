// Who may connect, and as whom.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { TRANSPORTS, connect, member, newRoom, newUser, refusal } from './support/client.mjs';
import { connectErrors, defaultRoom } from './support/fixtures.mjs';
import { expiredToken, token } from './support/stack.mjs';

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Flips a bit in the middle of a part: the last characters of base64 may hold bits that do not count. */
function tampered(part) {
  const at = Math.floor(part.length / 2);
  return part.slice(0, at) + (part[at] === 'A' ? 'B' : 'A') + part.slice(at + 1);
}

for (const transports of TRANSPORTS) {
  describe(`connecting by ${transports.join(' then ')}`, { concurrency: true }, () => {
    test('a token opens the connection', async (t) => {
      const client = await connect(t, { transports });
      await client.succeed('join-room', newRoom());
    });

    for (const [name, auth] of [
      ['no auth', undefined],
      ['no token', {}],
      ['a null token', { token: null }],
    ]) {
      test(`${name} is refused`, async (t) => {
        assert.equal(await refusal(t, auth, { transports }), connectErrors.authenticationRequired);
      });
    }

    test('a token that nobody signed is refused', async (t) => {
      const [header, claims, signature] = (await token(newUser())).split('.');
      const admin = base64url({ ...JSON.parse(Buffer.from(claims, 'base64url')), role: 'admin' });
      for (const forged of [
        `${header}.${claims}.${tampered(signature)}`,
        `${header}.${admin}.${signature}`,
        `${header}.${claims}.`,
        `${header}.${claims}`,
        `${base64url({ alg: 'none', typ: 'JWT' })}.${claims}.`,
        'garbage',
        '....',
        'x'.repeat(10_000),
      ]) {
        assert.equal(await refusal(t, { token: forged }, { transports }), connectErrors.invalidToken, forged);
      }
    });

    test('an expired token is refused', async (t) => {
      const auth = { token: expiredToken() };
      assert.equal(await refusal(t, auth, { transports }), connectErrors.invalidToken);
    });

    test('auth of another shape is refused', async (t) => {
      const messages = Object.values(connectErrors);
      for (const auth of [{ token: 1 }, { token: ['x'] }, { token: {} }, { token: '' }]) {
        assert.ok(messages.includes(await refusal(t, auth, { transports })), JSON.stringify(auth));
      }
    });
  });
}

describe('identity', { concurrency: true }, () => {
  test('a socket is in the default room from the start', async (t) => {
    const listener = await connect(t, { node: 1 });
    const sender = await connect(t);
    const content = newRoom('hello');
    const ack = await sender.succeed('chat-message', { content });
    assert.equal(ack.room, defaultRoom);
    await listener.message(defaultRoom, content);
  });

  test('comes from the token, never from a payload', async (t) => {
    const room = newRoom();
    const listener = await member(t, room, { node: 1 });
    const sender = await member(t, room, { user: newUser('Grace') });
    const forged = { userId: 'somebody-else', username: 'Somebody Else', id: 'x', seq: 1, html: '<b>x</b>', role: 'admin' };
    await sender.say(room, 'by whom?', forged);
    const message = await listener.message(room, 'by whom?');
    assert.equal(message.userId, sender.user.userId);
    assert.equal(message.username, 'Grace');
    assert.equal(message.html, undefined);
    assert.notEqual(message.id, 'x');

    sender.socket.emit('typing', { room, typing: true, ...forged });
    const typing = await listener.event('typing', (payload) => payload.room === room);
    assert.equal(typing.userId, sender.user.userId);
    assert.equal(typing.username, 'Grace');
  });

  test('of a user without a name is the id', async (t) => {
    const room = newRoom();
    const { userId } = newUser();
    const client = await member(t, room, { user: { userId } });
    await client.say(room, 'who am I?');
    assert.equal((await client.message(room, 'who am I?')).username, userId);
  });
});

describe('a token that allows some rooms', { concurrency: true }, () => {
  const user = () => ({ ...newUser(), rooms: ['team-*'] });

  test('opens those and no others', async (t) => {
    const [team, other] = [newRoom('team'), newRoom('other')];
    const outsider = await connect(t, { user: user() });
    const insider = await member(t, other, { node: 1 });
    await outsider.join(team);
    await outsider.say(team, 'inside');
    await outsider.fail('forbidden', 'join-room', { room: other });
    await outsider.fail('forbidden', 'join-room', other);
    await outsider.fail(['forbidden', 'not_a_member'], 'history', { room: other });
    await outsider.fail(['forbidden', 'not_a_member'], 'chat-message', { room: other, content: 'let me in' });
    await insider.say(other, 'only among us');
    await insider.message(other, 'only among us');
    await outsider.settled();
    assert.deepEqual(outsider.contents(other), []);
    assert.deepEqual(insider.contents(other), ['only among us']);
  });

  test('does not open the default room or rooms named in auth', async (t) => {
    const [team, other] = [newRoom('team'), newRoom('other')];
    const insider = await member(t, other);
    const { seq } = await insider.say(other, 'before');
    const outsider = await connect(t, { user: user(), rooms: { [team]: 0, [other]: seq - 1 } });
    await outsider.fail(['forbidden', 'not_a_member'], 'chat-message', { content: 'hello, all' });
    await outsider.say(team, 'inside');
    await outsider.message(team, 'inside');
    await insider.say(other, 'after');
    await insider.message(other, 'after');
    await outsider.settled();
    assert.deepEqual(outsider.contents(other), []);
    assert.deepEqual(outsider.contents(defaultRoom), []);
  });
});

describe('a connection that serves nobody', () => {
  for (const transports of TRANSPORTS) {
    test(`is closed, by ${transports.join(' then ')}`, async (t) => {
      const client = await connect(t, { transports });
      const { engine } = client.socket.io;
      // "Disconnect" of the namespace, told to the server behind the back of the library, which would
      // close the connection with it.
      engine.write('1');
      const reason = await new Promise((told) => engine.once('close', told));
      assert.match(reason, /^transport (close|error)$/);
    });
  }
});
