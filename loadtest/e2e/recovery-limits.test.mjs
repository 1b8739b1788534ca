// Coming back with positions that are odd, forbidden, or too many: each room that one names is answered once.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { brief, connect, member, newRoom, newUser } from './support/client.mjs';
import { defaultRoom } from './support/fixtures.mjs';
import { capRooms, restart } from './support/stack.mjs';

/** Rooms that a connection may name, and beyond these how many are told that they were too many. */
const MAX_NAMED = 200;
const MAX_TOLD = 1_000;

const numbered = (count, from = 0) => Array.from({ length: count }, (_, n) => `message ${from + n}`);

/** One after the other, so that their order is known; returns the acks. */
async function sayInTurn(sender, room, texts) {
  const acks = [];
  for (const text of texts) acks.push(await sender.say(room, text));
  return acks;
}

const recovery = (client, room) => client.event('recovered', (payload) => payload.room === room);

/** Waits until each of `rooms` was answered, and whatever came too much has come as well. */
async function answered(client, rooms) {
  const named = new Set(rooms);
  const answers = () => client.received('recovered').filter(({ room }) => named.has(room));
  await client.until(() => answers().length >= named.size, () => `${named.size} answers (${answers().length} came)`);
  await client.settled();
  const of = new Map(answers().map((answer) => [answer.room, answer]));
  assert.equal(answers().length, of.size, 'a room was answered twice');
  assert.equal(of.size, named.size);
  return of;
}

/** That a connection answered so has not let its client into the room. */
function assertKeptOut(answer, code, from) {
  const { message, ...rest } = answer;
  assert.deepEqual(rest, { room: answer.room, from, to: from, complete: false, code });
  assert.notEqual(message, '');
}

describe('rooms named on connecting', { concurrency: true }, () => {
  test('that the token forbids are named as such, and the others are recovered', async (t) => {
    const [open, closed] = [newRoom('open'), newRoom('closed')];
    const sender = await connect(t, { node: 1 });
    const positions = {};
    for (const room of [open, closed]) {
      await sender.join(room);
      [{ seq: positions[room] }] = await sayInTurn(sender, room, ['seen', 'missed']);
    }
    const user = { ...newUser(), rooms: [defaultRoom, 'open-*'] };
    const client = await connect(t, { user, rooms: positions });
    const answers = await answered(client, [open, closed]);
    assertKeptOut(answers.get(closed), 'forbidden', positions[closed]);
    assert.equal(answers.get(open).complete, true);
    assert.equal(answers.get(open).code, undefined);
    await sayInTurn(sender, closed, ['not for you']);
    await sayInTurn(sender, open, ['live']);
    await client.message(open, 'live');
    assert.deepEqual(client.contents(open), ['missed', 'live']);
    assert.deepEqual(client.contents(closed), []);
    await client.fail('forbidden', 'chat-message', { room: closed, content: 'let me in' });
  });

  test('fifty at once are each recovered, whole and in order', async (t) => {
    const rooms = Array.from({ length: 50 }, () => newRoom());
    const sender = await connect(t, { node: 1 });
    const positions = {};
    await Promise.all(rooms.map(async (room) => {
      await sender.join(room);
      positions[room] = (await sender.say(room, 'seen')).seq;
    }));
    for (const text of numbered(6)) await Promise.all(rooms.map((room) => sender.say(room, text)));
    for (const node of [0, 1]) {
      const client = await connect(t, { node, rooms: positions });
      for (const [room, { from, to, complete, code }] of await answered(client, rooms)) {
        assert.deepEqual({ from, complete, code }, { from: positions[room], complete: true, code: undefined });
        assert.deepEqual(client.contents(room), numbered(6));
        assert.ok(client.messages(room).every(({ seq }) => seq > from && seq <= to));
      }
      client.close();
    }
  });

  test('that nobody ever wrote to are entered', async (t) => {
    for (const position of [0, 1]) {
      const room = newRoom();
      const client = await connect(t, { rooms: { [room]: position } });
      const { from, code } = await recovery(client, room);
      assert.deepEqual({ from, code }, { from: position, code: undefined });
      const other = await member(t, room, { node: 1 });
      await other.say(room, 'first');
      await client.message(room, 'first');
      assert.deepEqual(client.contents(room), ['first']);
    }
  });

  test('that one enters anyway are entered from the position, once', async (t) => {
    const sender = await connect(t, { node: 1 });
    const { seq } = await sender.say(defaultRoom, `seen ${randomUUID()}`);
    const missed = Array.from({ length: 3 }, () => `missed ${randomUUID()}`);
    await sayInTurn(sender, defaultRoom, missed);
    const client = await connect(t, { rooms: { [defaultRoom]: seq } });
    const answers = await answered(client, [defaultRoom]);
    assert.equal(answers.get(defaultRoom).complete, true);
    const live = `live ${randomUUID()}`;
    await sender.say(defaultRoom, live);
    await client.message(defaultRoom, live);
    const mine = new Set([...missed, live]);
    assert.deepEqual(client.contents(defaultRoom).filter((content) => mine.has(content)), [...missed, live]);
  });

  test('with a position that is none are told so, beside one that is recovered', async (t) => {
    const good = newRoom();
    const sender = await member(t, good, { node: 1 });
    const [{ seq }] = await sayInTurn(sender, good, ['seen', 'missed']);
    const oddities = ['7', 'x', '', null, true, [], [1], {}, { after: 1 }, -1, -(2 ** 53), 0.5, 1e300, 2 ** 64];
    const names = oddities.map(() => newRoom('odd'));
    const positions = Object.fromEntries(names.map((name, at) => [name, oddities[at]]));
    const client = await connect(t, { rooms: { ...positions, [good]: seq } });
    const answers = await answered(client, [...names, good]);
    for (const [at, name] of names.entries()) {
      assert.equal(answers.get(name).code, 'invalid', `${brief(oddities[at])} was answered ${brief(answers.get(name))}`);
    }
    assert.equal(answers.get(good).complete, true);
    assert.deepEqual(client.contents(good), ['missed']);
    // Kept out by a slip of the pen, not for good.
    await client.join(names[0]);
  });

  test('with positions that no number of JavaScript can count to are entered as of now', async (t) => {
    for (const position of [2 ** 53, 2 ** 63, 2 ** 64 - 2_048]) {
      const room = newRoom();
      const sender = await member(t, room, { node: 1 });
      await sender.say(room, 'old');
      const client = await connect(t, { rooms: { [room]: position } });
      assert.equal((await recovery(client, room)).complete, false);
      await sender.say(room, 'new');
      await client.message(room, 'new');
      assert.deepEqual(client.contents(room), ['new']);
    }
  });

  for (const [count, told] of [[MAX_NAMED + 50, 50], [MAX_NAMED + MAX_TOLD + 100, MAX_TOLD]]) {
    test(`${count} of them: those beyond the bound are told so`, async (t) => {
      const prefix = randomUUID().slice(0, 8);
      const rooms = Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}-${n}`, 0]));
      const client = await connect(t, { rooms });
      const of = () => client.received('recovered').filter(({ room }) => room in rooms);
      await client.until(() => of().length >= MAX_NAMED + told, () => `${MAX_NAMED + told} answers (${of().length} came)`);
      await client.settled();
      assert.equal(of().length, MAX_NAMED + told);
      assert.equal(new Set(of().map(({ room }) => room)).size, MAX_NAMED + told, 'a room was answered twice');
      const kept = of().filter(({ code }) => code !== undefined);
      assert.equal(kept.length, told);
      for (const answer of kept) assertKeptOut(answer, 'overloaded', answer.from);
      // Who joins one of them by itself is let in, and the connection serves on.
      await client.join(kept[0].room);
      await client.say(kept[0].room, 'here after all');
      await client.message(kept[0].room, 'here after all');
    });
  }
});

describe('positions from before what a room still keeps', () => {
  const KEPT = 20;
  /** A node asks once, at its start, how much a room keeps. */
  async function keep(messages) {
    await capRooms(messages);
    for (const node of [0, 1]) await restart('node', node);
  }

  before(() => keep(KEPT));
  after(() => keep());

  test('bring what there is, and say that more is gone', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    const acks = await sayInTurn(sender, room, numbered(60));
    const gone = 60 - KEPT;
    // On the other node, which has seen nothing of the room and so knows only the log.
    for (const [place, complete] of [[0, false], [gone - 2, false], [gone, true], [59, true]]) {
      const from = acks[place].seq;
      const client = await connect(t, { node: 1, rooms: { [room]: from } });
      const answer = await recovery(client, room);
      assert.deepEqual(answer, { room, from, to: answer.to, complete }, `from message ${place}`);
      const first = Math.max(place + 1, gone);
      assert.deepEqual(client.contents(room), numbered(60 - first, first));
      client.close();
    }
    // A stretch that ends just where what is kept begins: nothing is missing, whether or not that is known.
    const edge = await connect(t, { node: 1, rooms: { [room]: acks[gone - 1].seq } });
    await recovery(edge, room);
    await sender.say(room, 'live');
    await edge.message(room, 'live');
    assert.deepEqual(edge.contents(room), [...numbered(KEPT, gone), 'live']);
  });

  test('are answered so to a join as well', async (t) => {
    const room = newRoom();
    const sender = await member(t, room);
    const [{ seq }] = await sayInTurn(sender, room, numbered(40));
    const client = await connect(t, { node: 1 });
    await client.join(room, { after: seq });
    assert.equal((await recovery(client, room)).complete, false);
    assert.deepEqual(client.contents(room), numbered(KEPT, 40 - KEPT));
  });
});
