// Two thousand clients that emit the moment they are connected, as clients do after a deploy.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, newRoom, newUser } from './support/client.mjs';
import { nodes, token } from './support/stack.mjs';

const CLIENTS = 2_000;
const IN_A_ROOM = 10;
/** Connections that are being made at a time. */
const AT_ONCE = 50;

/** Emits in the connect callback and resolves with the acks. */
function connectAndEmit(client, room, n) {
  return new Promise((resolve, reject) => {
    client.socket.once('connect_error', reject);
    client.socket.once('connect', () => {
      const emit = (event, payload) => client.socket.timeout(120_000).emitWithAck(event, payload);
      resolve(Promise.all([emit('join-room', { room }), emit('chat-message', { room, content: `from ${n}` })]));
    });
    client.socket.connect();
  });
}

test(`${CLIENTS} clients that emit in their connect callback all get their acks`, { timeout: 300_000 }, async (t) => {
  const rooms = Array.from({ length: CLIENTS / IN_A_ROOM }, () => newRoom());
  const clients = [];
  t.after(() => clients.forEach((client) => client.close()));

  let next = 0;
  async function ramp() {
    while (next < CLIENTS) {
      const n = next;
      next += 1;
      const [user, node] = [newUser(), n % nodes.length];
      const auth = { token: await token(user, node) };
      const client = new Client(user, { node, auth, checkShapes: false, socket: { timeout: 120_000 } });
      clients.push(client);
      const room = rooms[n % rooms.length];
      const [joined, stored] = await connectAndEmit(client, room, n);
      assert.equal(joined.status, 'success', JSON.stringify(joined));
      assert.equal(stored.status, 'success', JSON.stringify(stored));
      Object.assign(client, { room, joined });
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, ramp));

  // Each has seen its room from its own join on, without a gap, and nothing twice.
  const byRoom = new Map(rooms.map((room) => [room, []]));
  for (const client of clients) byRoom.get(client.room).push(client);
  for (const [room, members] of byRoom) {
    assert.equal(members.length, IN_A_ROOM);
    await members[0].say(room, 'last');
    await Promise.all(members.map((client) => client.message(room, 'last')));
    const all = members.map((client) => [...client.joined.history, ...client.messages(room)].map((message) => message.seq));
    for (const seqs of all) {
      assert.equal(seqs.length, IN_A_ROOM + 1);
      assert.deepEqual(seqs, all[0]);
      assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b));
    }
  }
  assert.ok(clients.every((client) => client.socket.connected));
});
