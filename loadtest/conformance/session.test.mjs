// Engine.IO 4: what keeps a session alive, and what ends it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CONNECT_TIMEOUT, Polling, SETTINGS, Wire } from './support/server.mjs';

const UNANSWERED = SETTINGS.pingInterval + SETTINGS.pingTimeout;

async function assertEnded(session) {
  const { status, body } = await session.get();
  assert.equal(status, 400, body);
  assert.equal(Number(JSON.parse(body).code), 1);
}

test('the server pings a WebSocket, and goes on while it is answered', async (t) => {
  const wire = await Wire.open(t, { answering: false });
  assert.equal(await wire.next(), '2');
  const started = performance.now();
  for (let beat = 0; beat < 3; beat += 1) {
    wire.send('3');
    assert.equal(await wire.next(), '2');
  }
  assert.ok(performance.now() - started > 3 * SETTINGS.pingInterval * 0.9, 'pings come too fast');
});

test('the server pings a polling session, and goes on while it is answered', async () => {
  const session = await Polling.open();
  for (let beat = 0; beat < 3; beat += 1) {
    const polled = await session.get();
    assert.deepEqual([polled.status, polled.body], [200, '2']);
    const posted = await session.post('3');
    assert.deepEqual([posted.status, posted.body], [200, 'ok']);
  }
});

test('a ping without an answer ends a WebSocket', async (t) => {
  const wire = await Wire.open(t, { answering: false });
  assert.equal(await wire.next(), '2');
  const started = performance.now();
  await wire.closed();
  assert.ok(performance.now() - started > SETTINGS.pingTimeout * 0.9, 'it had no time to answer');
});

test('a ping without an answer ends a polling session', async () => {
  const session = await Polling.open();
  await sleep(2 * UNANSWERED);
  await assertEnded(session);
});

test('a transport that enters no namespace is closed', async (t) => {
  const started = performance.now();
  const wire = await Wire.open(t);
  await wire.closed();
  assert.ok(performance.now() - started > CONNECT_TIMEOUT * 0.9, 'it had no time to connect');
  assert.ok(wire.pings >= 2, 'it was not pinged meanwhile');
});

test('a close packet ends a WebSocket', async (t) => {
  const wire = await Wire.open(t);
  wire.send('1');
  await wire.closed();
});

test('a close packet ends a polling session, a pending GET as well', async () => {
  const session = await Polling.open();
  await session.answerPing();
  const pending = session.get();
  const [polled, posted] = await Promise.all([pending, session.post('1')]);
  assert.equal(posted.status, 200);
  assert.deepEqual([polled.status, polled.body], [200, '6']);
  await assertEnded(session);
});

for (const packet of ['abc', '9', 'b!!', 'é', '0{}', '6']) {
  test(`what is no packet ends a session: ${JSON.stringify(packet)}`, async (t) => {
    const wire = await Wire.open(t);
    wire.send(packet);
    await wire.closed();

    const session = await Polling.open();
    const { status } = await session.post(packet);
    assert.equal(status, 400);
    await assertEnded(session);
  });
}

test('more than maxPayload ends a session', async (t) => {
  const tooMuch = `4${'x'.repeat(SETTINGS.maxPayload)}`;
  const wire = await Wire.connected(t);
  wire.send(tooMuch);
  await wire.closed();

  const session = await Polling.open();
  const { status } = await session.post(tooMuch);
  assert.equal(status, 413);
  await assertEnded(session);
});

test('two GETs at a time end a polling session', async () => {
  const session = await Polling.open();
  await session.answerPing();
  const both = await Promise.all([session.get(), session.get()]);
  assert.ok(both.some(({ status }) => status >= 400), 'one of them is refused');
  await assertEnded(session);
});
