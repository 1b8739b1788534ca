// Events whose client gives no callback: they are done, and no answer waits for anybody.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { member, newRoom } from './support/client.mjs';
import { nodes } from './support/stack.mjs';

/** Bytes that wait in the node for its clients. */
async function waiting(node) {
  const text = await (await fetch(`${nodes[node]}/metrics`)).text();
  return Number(text.match(/^starling_send_queue_bytes (\d+)$/m)?.[1]);
}

test('a thousand events without a callback leave nothing waiting', async (t) => {
  const room = newRoom();
  const client = await member(t, room);
  for (let n = 0; n < 1_000; n += 1) {
    // Small pages: without limits of rate, as here, large ones keep a debug build busy for longer than acks may take.
    client.socket.emit('history', { room, limit: 20 });
    client.socket.emit('chat-message', { room, content: `${n}` });
  }
  await client.say(room, 'last');
  await client.message(room, 'last');
  // The last bytes of the answers may still be on their way to the socket.
  const deadline = Date.now() + 30_000;
  while ((await waiting(0)) !== 0) {
    assert.ok(Date.now() < deadline, `${await waiting(0)} bytes still wait for a client that has read everything`);
  }
  assert.equal(client.messages(room).length, 1_001);
  assert.ok(client.socket.connected);
});
