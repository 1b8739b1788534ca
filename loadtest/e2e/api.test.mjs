// Backends: messages by HTTP.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { member, newRoom, newUser } from './support/client.mjs';
import { ackMismatch, bounds } from './support/fixtures.mjs';
import { nodes, token } from './support/stack.mjs';

const service = (more = {}) => token({ ...newUser('Billing'), role: 'service', ...more });

async function post(bearer, room, body, { node = 0, ...headers } = {}) {
  const response = await fetch(`${nodes[node]}/api/rooms/${encodeURIComponent(room)}/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe('a backend', { concurrency: true }, () => {
  for (const room of [newRoom(), `a/b ?%#.*> 🐦 ${newRoom()}`]) {
    test(`says something in ${JSON.stringify(room.slice(0, 14))}`, async (t) => {
      const clients = await Promise.all([0, 1].map((node) => member(t, room, { node })));
      const { status, body } = await post(await service(), room, { content: '**Paid**' });
      assert.equal(status, 201);
      assert.equal(ackMismatch('chat-message', body), null);
      for (const client of clients) {
        const message = await client.message(room, '**Paid**');
        assert.deepEqual([message.id, message.seq, message.username], [body.id, body.seq, 'Billing']);
        assert.match(message.html, /<strong>/);
      }
    });
  }

  test('may repeat itself with a key', async (t) => {
    const [room, bearer] = [newRoom(), await service()];
    const client = await member(t, room);
    const key = { 'idempotency-key': '"order-4711"' };
    const first = await post(bearer, room, { content: 'once' }, key);
    const again = await post(bearer, room, { content: 'once' }, { ...key, node: 1 });
    assert.deepEqual(again.body, first.body);
    await post(bearer, room, { content: 'last' });
    await client.message(room, 'last');
    assert.deepEqual(client.contents(room), ['once', 'last']);
  });

  test('is told what is wrong', async () => {
    const room = newRoom();
    const good = await service();
    const narrow = await service({ rooms: ['other-*'] });
    const user = await token(newUser());
    const content = 'x';
    for (const [name, answer, status, code] of [
      ['no token', await post(undefined, room, { content }), 401, 'forbidden'],
      ['a bad token', await post('x.y.z', room, { content }), 401, 'forbidden'],
      ['a user', await post(user, room, { content }), 403, 'forbidden'],
      ['another room', await post(narrow, room, { content }), 403, 'forbidden'],
      ['no JSON', await post(good, room, '{'), 400, 'invalid'],
      ['no content', await post(good, room, {}), 400, 'invalid'],
      ['blank', await post(good, room, { content: ' ' }), 400, 'invalid'],
      ['too long', await post(good, room, { content: 'x'.repeat(bounds.maxContentChars + 1) }), 400, 'too_long'],
      ['far too long', await post(good, room, { content: 'x'.repeat(bounds.maxEventBytes) }), 413, 'too_large'],
      ['a long room', await post(good, 'r'.repeat(bounds.maxRoomBytes + 1), { content }), 400, 'invalid'],
      ['an empty key', await post(good, room, { content }, { 'idempotency-key': '""' }), 400, 'invalid'],
    ]) {
      assert.deepEqual([answer.status, answer.body.code], [status, code], `${name}: ${JSON.stringify(answer.body)}`);
      assert.equal(answer.body.status, 'error');
    }
    const { headers } = await post(undefined, room, { content });
    assert.equal(headers.get('www-authenticate'), 'Bearer');
  });
});
