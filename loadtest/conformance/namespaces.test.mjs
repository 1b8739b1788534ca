// Socket.IO 5: connecting to namespaces and leaving them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CLOSE, Wire, parsed, until } from './support/server.mjs';

for (const [namespace, prefix] of [['/', ''], ['/custom', '/custom,']]) {
  for (const auth of ['', '{"token":"123"}', '{"a":{"b":[1,null,"é🐦"]},"c":-1.5}']) {
    test(`${namespace} takes ${auth || 'no payload'}`, async (t) => {
      const wire = await Wire.open(t);
      wire.send(`40${prefix}${auth}`);
      const { sid, ...more } = parsed(await wire.next(), `40${prefix}`);
      assert.deepEqual(more, {});
      assert.match(sid, /^[\w-]{10,}$/);
      const [event, echoed] = parsed(await wire.next(), `42${prefix}`);
      assert.equal(event, 'auth');
      assert.deepEqual(echoed, JSON.parse(auth || '{}'));
    });
  }
}

test('an unknown namespace is refused, and the connection goes on', async (t) => {
  const wire = await Wire.open(t);
  for (const namespace of ['/random', '/custom/', '/custom?token=abc']) {
    wire.send(`40${namespace},{"token":"abc"}`);
    assert.equal(await wire.next(), `44${namespace},{"message":"Invalid namespace"}`);
  }
  await wire.connect('/');
});

test('two namespaces share a connection and are left one by one', async (t) => {
  const wire = await Wire.open(t);
  await wire.connect('/');
  await wire.connect('/custom');
  wire.send('42/custom,["message",1]', '42["message",2]');
  assert.equal(await wire.next(), '42/custom,["message-back",1]');
  assert.equal(await wire.next(), '42["message-back",2]');

  wire.send('41/custom,', '42["message",3]');
  assert.equal(await wire.next(), '42["message-back",3]');
  await wire.connect('/custom');
});

test('leaving the last namespace leaves the transport, for a while', async (t) => {
  const wire = await Wire.connected(t);
  wire.send('41');
  const pings = wire.pings;
  await until(() => wire.pings > pings + 1, 'two pings');
  await wire.connect('/');
});

test('an event of a namespace that was not entered is not handled', async (t) => {
  const wire = await Wire.connected(t);
  wire.send('42/custom,["message",1]');
  await wire.closed();
  assert.deepEqual(wire.unread.filter((packet) => packet !== CLOSE), []);
});

test('an event before any namespace ends the connection', async (t) => {
  const wire = await Wire.open(t);
  wire.send('42["message",1]');
  await wire.closed();
  assert.deepEqual(wire.unread.filter((packet) => packet !== CLOSE), []);
});
