// Socket.IO 5: connecting to namespaces and leaving them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Wire, parsed } from './support/server.mjs';

for (const [namespace, prefix] of [['/', ''], ['/custom', '/custom,']]) {
  for (const auth of ['', '{"token":"123"}', '{"a":{"b":[1,null,"é🐦"]},"c":-1.5}']) {
    test(`${namespace} takes ${auth || 'no payload'}`, async (t) => {
      const wire = await Wire.open(t);
      wire.send(`40${prefix}${auth}`);
      const { sid, ...more } = parsed(await wire.next(), `40${prefix}`);
      assert.deepEqual(more, {});
      assert.notEqual(sid, wire.handshake.sid, 'a socket has an id of its own');
      const [event, echoed] = parsed(await wire.next(), `42${prefix}`);
      assert.equal(event, 'auth');
      assert.deepEqual(echoed, JSON.parse(auth || '{}'));
    });
  }
}

test('a namespace may carry a query, which says nothing', async (t) => {
  const wire = await Wire.open(t);
  wire.send('40/custom?token=abc,');
  assert.match(await wire.next(), /^40\/custom,\{"sid":/);
});

test('an unknown namespace is refused, and the connection goes on', async (t) => {
  const wire = await Wire.open(t);
  wire.send('40/random');
  assert.equal(await wire.next(), '44/random,{"message":"Invalid namespace"}');
  await wire.connect('/');
});

test('two namespaces share a connection and are left one by one', async (t) => {
  const wire = await Wire.open(t);
  const [one, two] = [await wire.connect('/'), await wire.connect('/custom')];
  assert.notEqual(one, two);
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
  await wire.connect('/');
});

test('an event of a namespace that was not entered is not handled', async (t) => {
  const wire = await Wire.connected(t);
  wire.send('42/custom,["message",1]');
  await wire.closed();
  assert.deepEqual(wire.unread, []);
});
