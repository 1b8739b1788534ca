// Engine.IO 4: opening a session over either transport, and what opens none.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Polling, SETTINGS, Wire, refused, request } from './support/server.mjs';

function checkHandshake(handshake, upgrades) {
  const { sid, ...rest } = handshake;
  assert.match(sid, /^[\w-]{10,}$/);
  assert.deepEqual(rest, { upgrades, ...SETTINGS });
}

test('a session opens over long-polling and offers the upgrade', async () => {
  const [one, two] = [await Polling.open(), await Polling.open()];
  checkHandshake(one.handshake, ['websocket']);
  assert.notEqual(one.sid, two.sid);
});

test('a session opens over a WebSocket, with nothing to upgrade to', async (t) => {
  checkHandshake((await Wire.open(t)).handshake, []);
});

// The parameters, and the code of the reference server for what is wrong with them.
const WRONG = [
  ['no protocol version', { transport: 'TRANSPORT' }, 5],
  ['a version that is no number', { transport: 'TRANSPORT', EIO: 'abc' }, 5],
  ['version 3', { transport: 'TRANSPORT', EIO: '3' }, 5],
  ['no transport', { EIO: '4' }, 0],
  ['an unknown transport', { EIO: '4', transport: 'abc' }, 0],
  ['an unknown session', { EIO: '4', transport: 'TRANSPORT', sid: 'AAAAAAAAAAAAAAHs' }, 1],
  ['a session that is no id', { EIO: '4', transport: 'TRANSPORT', sid: '../..' }, 1],
];

for (const [name, wrong, code] of WRONG) {
  for (const transport of ['polling', 'websocket']) {
    test(`${transport}: ${name} is refused`, async () => {
      const parameters = { ...wrong, ...(wrong.transport === 'TRANSPORT' && { transport }) };
      const { status, body } =
        transport === 'polling' ? await request('GET', parameters) : await refused(parameters);
      assert.equal(status, 400);
      assert.equal(JSON.parse(body).code, code, body);
    });
  }
}

test('no other method than GET opens a session', async () => {
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const { status, body } = await request(method, { EIO: '4', transport: 'polling' });
    assert.equal(status, 400, method);
    assert.equal(JSON.parse(body).code, 2);
  }
});
