// Where the server differs from the protocol, or from the reference server, as it is now.
//
// Each test is a line of `connection-node/CONFORMANCE.md`. One that fails says that something was mended
// upstream: then its line goes, and what it should have done becomes a test elsewhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CLOSE, Polling, SETTINGS, Wire, parsed } from './support/server.mjs';

test('the first ping comes at once', async (t) => {
  const wire = await Wire.open(t, { answering: false });
  const started = performance.now();
  assert.equal(await wire.next(), '2');
  assert.ok(performance.now() - started < SETTINGS.pingInterval * 0.9, 'it waited for pingInterval');
});

test('a socket has the id of its session, in every namespace', async (t) => {
  const wire = await Wire.open(t);
  assert.equal(await wire.connect('/'), wire.handshake.sid);
  assert.equal(await wire.connect('/custom'), wire.handshake.sid);
});

for (const auth of ['abc', '"text"', '[1]', 'null', '{"a":']) {
  test(`a namespace is entered with ${auth} for auth`, async (t) => {
    const wire = await Wire.open(t);
    wire.send(`40${auth}`);
    parsed(await wire.next(), '40');
    // The handler that wants JSON is not called for what is none.
    if (['abc', '{"a":'].includes(auth)) return;
    assert.deepEqual(parsed(await wire.next(), '42'), ['auth', JSON.parse(auth)]);
  });
}

test('attachments are taken in their order, whatever the numbers of their places', async (t) => {
  const wire = await Wire.connected(t);
  const place = (num) => `{"_placeholder":true,"num":${num}}`;
  const [a, b] = [Buffer.from('a'), Buffer.from('b')];
  wire.send(`452-["message",${place(1)},${place(0)}]`, a, b);
  assert.equal(await wire.next(), `452-["message-back",${place(0)},${place(1)}]`);
  assert.deepEqual([await wire.next(), await wire.next()], [a, b]);
  wire.send(`451-["message",${place(5)}]`, a);
  assert.equal(await wire.next(), `451-["message-back",${place(0)}]`);
  assert.deepEqual(await wire.next(), a);
});

test('more than 16 attachments end the connection', async (t) => {
  const places = (count) => Array.from({ length: count }, (_, num) => `{"_placeholder":true,"num":${num}}`);
  const wire = await Wire.connected(t);
  wire.send(`4516-["message",${places(16)}]`, ...Array(16).fill(Buffer.from('a')));
  assert.match(await wire.next(), /^4516-\["message-back"/);
  wire.send(`4517-["message",${places(17)}]`);
  await wire.closed();
});

test('a reserved name is an event like any other', async (t) => {
  const wire = await Wire.connected(t);
  wire.send('42["disconnect"]', '42["connect"]', '42["message",1]');
  assert.equal(await wire.next(), '42["message-back",1]');
});

test('a name with an escape in its JSON ends the connection; arguments may have some', async (t) => {
  const wire = await Wire.connected(t);
  wire.send('42["message","caf\\u00e9"]');
  assert.equal(await wire.next(), '42["message-back","café"]');
  wire.send('42["m\\u0065ssage",1]');
  await wire.closed();
  assert.deepEqual(wire.unread.filter((packet) => packet !== CLOSE), []);
});

test('an acknowledgement that is asked for by a number above 64 bits does not come', async (t) => {
  const wire = await Wire.connected(t);
  wire.send('4299999999999999999999["message-with-ack",1]', '421["message-with-ack",2]');
  assert.equal(await wire.next(), '431[2]');
});

test('a second CONNECT is passed over', async (t) => {
  const wire = await Wire.connected(t);
  wire.send('40', '42["message",1]');
  assert.equal(await wire.next(), '42["message-back",1]');
});

test('an empty POST says nothing', async () => {
  const session = await Polling.open();
  const { status, body } = await session.post('');
  assert.deepEqual([status, body], [200, 'ok']);
  await session.answerPing();
});

test('a second GET ends the session, and each hears of it by a close packet or by its status', async () => {
  const session = await Polling.open();
  await session.answerPing();
  const answers = await Promise.all([session.get(), session.get()]);
  // The first may have had the next ping that moment.
  const heard = answers.map(({ status, body }) => (status === 200 ? body : status)).filter((one) => one !== '2');
  assert.notEqual(heard.length, 0, 'neither heard of it');
  for (const one of heard) assert.ok([CLOSE, 400].includes(one), `answered by ${one}`);
  const after = await session.get();
  assert.deepEqual([after.status, Number(JSON.parse(after.body).code)], [400, 1]);
});

test('a GET that its client gives up leaves the session as it is', async () => {
  const session = await Polling.open();
  await session.answerPing();
  await session.giveUpGet();
  const { status, body } = await session.get();
  assert.deepEqual([status, body], [200, '2']);
});

test('a request after an upgrade is refused by a code in quotes', async (t) => {
  const session = await Polling.open();
  const wire = await new Wire(t, { sid: session.sid }).ready();
  wire.send('2probe', '5', '40');
  while (!(await wire.next()).startsWith('40'));
  const { status, body } = await session.get();
  assert.deepEqual([status, JSON.parse(body).code], [400, '3']);
});
