// Engine.IO 4: from long-polling to a WebSocket.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Polling, Wire, refused } from './support/server.mjs';

/** A WebSocket for a session, probed. */
async function probed(t, session) {
  const wire = await new Wire(t, { sid: session.sid }).ready();
  wire.send('2probe');
  assert.equal(await wire.next(), '3probe');
  return wire;
}

test('a session moves to a WebSocket, and what waits for it too', async (t) => {
  const session = await Polling.open();
  await session.answerPing();
  const polled = session.get();
  const wire = await probed(t, session);
  // The pending GET is let go, so that nothing is sent to two places.
  const { status, body } = await polled;
  assert.equal(status, 200);
  assert.match(body, /^[26]$/);
  wire.send('5', ...(body === '2' ? ['3'] : []), '40');
  const packets = [await wire.next(), await wire.next()].filter((packet) => packet !== '6');
  if (packets.length < 2) packets.push(await wire.next());
  assert.match(packets[0], /^40\{"sid":"[^"]+"\}$/);
  assert.equal(packets[1], '42["auth",{}]');
});

test('events go on across the upgrade, in order', async (t) => {
  const session = await Polling.open();
  assert.equal((await session.post('40')).body, 'ok');
  const got = [];
  while (!got.includes('42["auth",{}]')) got.push(...(await session.next()));
  const wire = await probed(t, session);
  await session.get();
  wire.send('5');
  for (let n = 0; n < 3; n += 1) wire.send(`42["message",${n}]`);
  const seen = [];
  while (seen.length < 3) {
    const packet = await wire.next();
    if (packet !== '6') seen.push(packet);
  }
  assert.deepEqual(seen, [0, 1, 2].map((n) => `42["message-back",${n}]`));
});

test('an upgraded session takes neither requests nor a second WebSocket', async (t) => {
  const session = await Polling.open();
  await session.answerPing();
  const wire = await probed(t, session);
  wire.send('5', '40');
  let packet = await wire.next();
  if (packet === '6') packet = await wire.next();
  assert.match(packet, /^40/);
  assert.equal(await wire.next(), '42["auth",{}]');

  assert.equal((await session.get()).status, 400);
  const again = await refused({ EIO: '4', transport: 'websocket', sid: session.sid });
  assert.equal(again.status, 400);
  wire.send('42["message","still here"]');
  assert.equal(await wire.next(), '42["message-back","still here"]');
});

test('a WebSocket that opens and then says nothing leaves polling as it is', async (t) => {
  const session = await Polling.open();
  const wire = await new Wire(t, { sid: session.sid }).ready();
  wire.socket.terminate();
  await session.post('40');
  const got = [];
  while (!got.includes('42["auth",{}]')) got.push(...(await session.next()));
});
