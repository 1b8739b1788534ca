// Engine.IO 4: what keeps a session alive, and what ends it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLOSE, CONNECT_TIMEOUT, Polling, SETTINGS, Wire } from './support/server.mjs';

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

/** How a GET is answered whose session its client closes meanwhile. */
async function closedWhilePolling() {
  const session = await Polling.open();
  await session.answerPing();
  const [polled, posted] = await Promise.all([session.get(), session.post(CLOSE)]);
  assert.equal(posted.status, 200);
  await assertEnded(session);
  return polled;
}

test('a close packet ends a polling session, a pending GET as well', async () => {
  let polled = await closedWhilePolling();
  // They go by two connections, so that the close packet may overtake the GET, which then finds no session.
  for (let again = 0; polled.status === 400 && again < 20; again += 1) polled = await closedWhilePolling();
  assert.deepEqual([polled.status, polled.body], [200, '6']);
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
  assert.ok(both.some(({ status, body }) => status >= 400 || body === CLOSE), 'neither hears of it');
  await assertEnded(session);
});
