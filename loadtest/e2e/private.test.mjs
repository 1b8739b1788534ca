// What people say and what lets them in, on every way in and with every mistake: none of it may be logged.
//
// Here it is only said. The harness looks for it in the logs of the stack when all tests are over.

import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { Client, TRANSPORTS, connect, member, newRoom, newUser, refusal } from './support/client.mjs';
import { remember } from './support/private.mjs';
import { nodes, signed, token } from './support/stack.mjs';

/** A text like no other. */
const secret = (about) => remember('content', `private ${about} ${randomUUID()}`);

for (const transports of TRANSPORTS) {
  test(`what is said, by ${transports.join(' then ')}`, async (t) => {
    const room = newRoom('private');
    const client = await member(t, room, { transports });
    const [said, marked] = [secret('text'), secret('markup')];
    await client.say(room, said);
    await client.say(room, `**${marked}**`);
    await client.message(room, `**${marked}**`);
    await client.fail('too_long', 'chat-message', { room, content: secret('long').padEnd(1_001, '.') });
    await client.fail('too_large', 'chat-message', { room, content: 'short', more: secret('large').padEnd(70_000, '.') });
    await client.fail('invalid', 'chat-message', { room, content: [secret('list')] });
    await client.fail('invalid', 'chat-message', secret('string'));
    await client.fail('not_a_member', 'chat-message', { room: newRoom('elsewhere'), content: secret('elsewhere') });
    await client.fail('invalid', 'send-file', secret('file'), { room });
    await client.join(room, { after: 0 });
    await client.succeed('history', { room });
  });
}

test('what is announced', async (t) => {
  const root = await connect(t, { user: { ...newUser('Root'), role: 'admin' }, namespace: '/admin' });
  const hearer = await connect(t, { node: 1 });
  const content = secret('announcement');
  await root.succeed('broadcast-message', { content });
  await hearer.event('admin-announcement', (heard) => heard.content === content);
});

test('what backends say', async () => {
  const bearer = await token({ ...newUser('Billing'), role: 'service' });
  const post = (authorization, body) =>
    fetch(`${nodes[0]}/api/rooms/${newRoom('private')}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body,
    });
  for (const authorization of [`Bearer ${bearer}`, `Basic ${bearer}`, `bearer ${bearer}x`]) {
    await post(authorization, JSON.stringify({ content: secret('bill') }));
    await post(authorization, `{ "content": "${secret('broken')}`);
  }
});

test('tokens that are no good', async (t) => {
  const claims = { sub: 'u-private', exp: 4_000_000_000 };
  const good = signed(claims);
  const text = secret('token');
  for (const auth of [
    { token: signed({ ...claims, exp: 1 }) },
    { token: signed(claims, { alg: 'none' }) },
    { token: remember('token', `${good}x`) },
    { token: [good] },
    { token: text },
    { Token: good },
    good,
  ]) {
    await refusal(t, auth);
    await refusal(t, auth, { transports: ['polling'] });
  }
  // In a place where it does not belong, but where people put it.
  const client = new Client(newUser(), { auth: { token: good }, socket: { query: { token: good } } });
  t.after(() => client.end());
  await client.connected();
  const path = `/socket.io/?EIO=9&transport=polling&token=${good}`;
  await fetch(nodes[0] + path, { headers: { authorization: `Bearer ${good}`, cookie: `token=${good}` } });
});
