// Socket.IO 5: events, acknowledgements, attachments, and what is none of these.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CLOSE, Polling, Wire, parsed } from './support/server.mjs';

const TWO = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';

const ARGUMENTS = [
  '',
  ',1,"2",{"3":[true]}',
  ',null,-1.5,[],{},""',
  ',"é🐦\\n\\"",{"a":{"b":{"c":[[[0]]]}}}',
  `,"${'x'.repeat(100_000)}"`,
];

for (const args of ARGUMENTS) {
  test(`arguments come back as they were: ${args.slice(0, 40) || 'none'}`, async (t) => {
    const wire = await Wire.connected(t);
    wire.send(`42["message"${args}]`);
    assert.deepEqual(parsed(await wire.next(), '42'), JSON.parse(`["message-back"${args}]`));
    wire.send(`42456["message-with-ack"${args}]`);
    assert.deepEqual(parsed(await wire.next(), '43456'), JSON.parse(`[${args.slice(1)}]`));
  });
}

test('attachments come back, in an event and in an acknowledgement', async (t) => {
  const wire = await Wire.connected(t);
  const bytes = [Buffer.from([1, 2, 3]), Buffer.alloc(70_000, 7)];
  wire.send(`452-["message",${TWO}]`, ...bytes);
  assert.equal(await wire.next(), `452-["message-back",${TWO}]`);
  assert.deepEqual([await wire.next(), await wire.next()], bytes);
  wire.send(`452-789["message-with-ack",${TWO}]`, ...bytes);
  assert.equal(await wire.next(), `462-789[${TWO}]`);
  assert.deepEqual([await wire.next(), await wire.next()], bytes);
});

test('attachments stand anywhere in an argument, and in namespaces', async (t) => {
  const wire = await Wire.connected(t, '/custom');
  const args = '{"a":[{"_placeholder":true,"num":0}]}';
  wire.send(`451-/custom,["message",${args}]`, Buffer.from('bytes'));
  assert.equal(await wire.next(), `451-/custom,["message-back",${args}]`);
  assert.deepEqual(await wire.next(), Buffer.from('bytes'));
});

test('attachments pass through long-polling in base64', async () => {
  const session = await Polling.open();
  await session.post('40');
  const got = [];
  while (!got.includes('42["auth",{}]')) got.push(...(await session.next()));
  await session.post(`452-["message",${TWO}]\x1ebAQIDBA==\x1ebBQY=`);
  const back = [];
  while (back.length < 3) back.push(...(await session.next()));
  assert.deepEqual(back, [`452-["message-back",${TWO}]`, 'bAQIDBA==', 'bBQY=']);
});

test('events are handled in the order in which they came', async (t) => {
  const wire = await Wire.connected(t);
  const count = 200;
  for (let n = 0; n < count; n += 1) wire.send(`42${n}["message-with-ack",${n}]`);
  for (let n = 0; n < count; n += 1) assert.equal(await wire.next(), `43${n}[${n}]`);
});

test('an event that nobody handles is passed over', async (t) => {
  const wire = await Wire.connected(t);
  wire.send('42["unknown",1]', '42["message",2]');
  assert.equal(await wire.next(), '42["message-back",2]');
});

// Each of these ends the connection, and no other.
const WRONG = [
  ['an unknown type', '4abc'],
  ['a type out of range', '47'],
  ['no type', '4'],
  ['an object for an event', '42{}'],
  ['no payload', '42'],
  ['JSON that does not end', '42["message"'],
  ['an event without a name', '42[]'],
  ['a name that is no string', '42[1,2]'],
  ['an error, which only servers send', '44{"message":"no"}'],
  ['leaving a namespace that was not entered', '41/custom,'],
  ['an id that is no number', '42abc["message-with-ack",1]'],
  ['text where bytes were announced', '451-["message",{"_placeholder":true,"num":0}]', '42["message"]'],
  ['bytes that nobody announced', Buffer.from([1, 2, 3])],
  ['a number of attachments that is none', '45x-["message",{"_placeholder":true,"num":0}]'],
];

for (const [name, ...packets] of WRONG) {
  test(`the connection ends on ${name}`, async (t) => {
    const [bystander, wire] = [await Wire.connected(t), await Wire.connected(t)];
    wire.send(...packets);
    await wire.closed();
    assert.deepEqual(wire.unread.filter((packet) => packet !== CLOSE), [], 'nothing was made of it');
    bystander.send('42["message","here"]');
    assert.equal(await bystander.next(), '42["message-back","here"]');
  });
}
