// Files: by the socket, and past the nodes.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';

import { TRANSPORTS, connect, member, newRoom, newUser } from './support/client.mjs';
import { askMedia, picture, postTo, queueFile, sendFile, tone } from './support/files.mjs';
import { bounds } from './support/fixtures.mjs';

/** Waits for the message of a file. */
const shown = (client, mediaId) => client.event('file-message', (message) => message.mediaId === mediaId);

for (const transports of TRANSPORTS) {
  test(`a picture by ${transports.join(' then ')}: every member sees it, and can load it`, async (t) => {
    const room = newRoom('file');
    const sender = await member(t, room, { transports, user: newUser('Grace') });
    const other = await member(t, room, { node: 1, transports });
    const mediaId = await queueFile(sender, picture(400, 300), { room, filename: 'noise.png' });
    const message = await shown(other, mediaId);
    assert.deepEqual(await shown(sender, mediaId), message);
    const { userId, username, filename, width, height, mime } = message;
    assert.deepEqual({ room: message.room, userId, username, filename, width, height, mime }, {
      room, userId: sender.user.userId, username: 'Grace', filename: 'noise.png', width: 400, height: 300, mime: 'image/jpeg',
    });
    assert.ok(message.blurhash.length > 20);
    for (const url of [message.url, message.thumbnailUrl]) {
      const response = await fetch(url);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'image/jpeg');
      assert.match(response.headers.get('cache-control'), /immutable/);
      const start = new Uint8Array(await response.arrayBuffer()).subarray(0, 3);
      assert.deepEqual([...start], [0xff, 0xd8, 0xff]);
    }
  });
}

describe('by the socket', { concurrency: true }, () => {
  test('a file stands in the history, in its place', async (t) => {
    const room = newRoom('file');
    const sender = await member(t, room);
    await sender.say(room, 'before');
    const mediaId = await queueFile(sender, picture(32, 32), { room, filename: 'a.png' });
    const message = await shown(sender, mediaId);
    await sender.say(room, 'after');
    const late = await connect(t, { node: 1 });
    const { history } = await late.join(room);
    assert.deepEqual(history.map((entry) => entry.content ?? entry.mediaId), ['before', mediaId, 'after']);
    assert.deepEqual(history[1], message);
    const { messages } = await late.succeed('history', { room, before: history[2].seq, limit: 1 });
    assert.deepEqual(messages, [message]);
  });

  test('a member that was away gets it with what it missed', async (t) => {
    const room = newRoom('file');
    const user = newUser();
    const sender = await member(t, room);
    const away = await member(t, room, { user });
    const { seq } = await sender.say(room, 'before');
    await away.message(room, 'before');
    away.close();
    const mediaId = await queueFile(sender, picture(16, 16), { room });
    await shown(sender, mediaId);
    const back = await connect(t, { user, rooms: { [room]: seq }, node: 1 });
    await back.event('recovered', (end) => end.room === room);
    assert.deepEqual(back.received('file-message', room).map((message) => message.mediaId), [mediaId]);
    assert.equal(back.received('file-message', room)[0].filename, undefined);
  });

  test('a sound is compressed, and has no width', async (t) => {
    const room = newRoom('sound');
    const sender = await member(t, room);
    const wav = tone(2);
    const message = await shown(sender, await queueFile(sender, wav, { room, filename: 'tone.wav' }));
    assert.match(message.mime, /^audio\//);
    assert.ok(message.size < wav.length / 2, `${message.size} of ${wav.length} bytes`);
    assert.equal(message.width, undefined);
    assert.equal((await fetch(message.url)).headers.get('content-type'), message.mime);
  });

  test('a file of no type that is taken: the sender alone is told', async (t) => {
    const room = newRoom('file');
    const sender = await member(t, room);
    const other = await member(t, room, { node: 1 });
    const mediaId = await queueFile(sender, Buffer.from('#!/bin/sh\necho this is no picture\n'), { room, filename: 'cat.jpg' });
    const error = await sender.event('file-error', (failure) => failure.mediaId === mediaId);
    assert.equal(error.code, 'unsupported_media');
    // What comes after it on the same way has come: nothing else will.
    await shown(other, await queueFile(sender, picture(8, 8), { room }));
    assert.equal(other.received('file-message', room).length, 1);
    assert.equal(other.received('file-error').length, 0);
  });

  test('a picture that is cut short: the sender is told', async (t) => {
    const room = newRoom('file');
    const sender = await member(t, room);
    const mediaId = await queueFile(sender, picture(64, 64).subarray(0, 3_000), { room });
    await sender.event('file-error', (failure) => failure.mediaId === mediaId);
  });

  test('one byte too many is too much; the largest is taken', async (t) => {
    const room = newRoom('file');
    const sender = await member(t, room);
    // The client compresses what it sends: the one becomes no smaller, the other a thousandth of itself.
    for (const file of [randomBytes(bounds.maxFileBytes + 1), Buffer.alloc(bounds.maxFileBytes + 1, 'x')]) {
      const refused = await sendFile(sender, file, { room });
      assert.deepEqual([refused.status, refused.code], ['error', 'too_large']);
      await queueFile(sender, file.subarray(1), { room });
    }
  });

  test('minutes of silence come, however small they are on the way', async (t) => {
    const room = newRoom('sound');
    const sender = await member(t, room, { socket: { perMessageDeflate: { threshold: 1_024 } } });
    const silence = tone(94, 48_000).fill(0, 44);
    assert.ok(silence.length > 9_000_000);
    const wire = sender.socket.io.engine.transport.ws._socket;
    const before = wire.bytesWritten;
    const mediaId = await queueFile(sender, silence, { room, filename: 'silence.wav' });
    const sent = wire.bytesWritten - before;
    assert.ok(sent < silence.length / 100, `${sent} bytes were sent for ${silence.length}`);
    assert.match((await shown(sender, mediaId)).mime, /^audio\//);
  });

  test('what is no file is refused, and the socket goes on', async (t) => {
    const room = newRoom('file');
    const sender = await member(t, room);
    for (const [code, ...sent] of [
      ['invalid', Buffer.alloc(0), { room }],
      ['invalid', 'text', { room }],
      ['invalid', { room }],
      ['invalid', { room }, Buffer.from('x')],
      ['invalid', Buffer.from('x'), { room: 7 }],
      ['invalid', Buffer.from('x'), { room: '' }],
      ['invalid', Buffer.from('x'), { room, clientMessageId: '' }],
      ['invalid', Buffer.from('x'), room],
      ['not_a_member', Buffer.from('x'), { room: newRoom('elsewhere') }],
    ]) {
      const ack = await sendFile(sender, ...sent);
      assert.deepEqual([ack.status, ack.code], ['error', code], JSON.stringify(sent));
    }
    await sender.say(room, 'still here');
  });

  test('sent again under its own id, from anywhere and at any moment, it comes once', async (t) => {
    const [room, user, clientMessageId] = [newRoom('file'), newUser(), newRoom('id')];
    const senders = await Promise.all([0, 1].map((node) => member(t, room, { user, node })));
    const send = (sender) => queueFile(sender, picture(60, 60), { room, clientMessageId });
    const [mediaId, ...others] = await Promise.all([senders[0], senders[1], senders[0]].map(send));
    await shown(senders[0], mediaId);
    others.push(await send(senders[1]));
    assert.deepEqual(others, Array(3).fill(mediaId));
    // Another user's id is another one.
    const other = await member(t, room);
    const last = await queueFile(other, picture(60, 60), { room, clientMessageId });
    assert.notEqual(last, mediaId);
    for (const client of [...senders, other]) await shown(client, last);
    assert.deepEqual(senders[0].received('file-message', room).map((file) => file.mediaId), [mediaId, last]);
  });

  test('what is broken fails as often as it is sent', async (t) => {
    const [room, clientMessageId] = [newRoom('file'), newRoom('id')];
    const sender = await member(t, room);
    const broken = picture(64, 64).subarray(0, 3_000);
    for (let failures = 1; failures <= 2; failures += 1) {
      const mediaId = await queueFile(sender, broken, { room, clientMessageId });
      const told = () => sender.inbox.filter(({ event, payload }) => event === 'file-error' && payload.mediaId === mediaId);
      await sender.until(() => told().length === failures, `failure ${failures}`);
    }
  });

  test('without a callback, and without a word about the room', async (t) => {
    const room = newRoom('file');
    const sender = await member(t, room);
    sender.socket.emit('send-file', picture(9, 9), { room, filename: 'quiet.png' });
    const message = await sender.event('file-message', (file) => file.filename === 'quiet.png');
    assert.equal(message.room, room);
    sender.socket.emit('send-file', Buffer.alloc(0), { room });
    const mediaId = await queueFile(sender, picture(9, 9));
    assert.equal((await shown(sender, mediaId)).room, 'general');
  });

  test("a sender's name for a file is made harmless", async (t) => {
    const room = newRoom('file');
    const sender = await member(t, room);
    const mediaId = await queueFile(sender, picture(9, 9), { room, filename: '../../etc/\u202egnp.exe\r\n' });
    assert.equal((await shown(sender, mediaId)).filename, 'gnp.exe');
  });

  test('many at once: what is too much is refused with a time to wait, and in the end all come, once each', async (t) => {
    const room = newRoom('files');
    const sender = await member(t, room);
    const other = await member(t, room, { node: 1 });
    const sent = await Promise.all(Array.from({ length: 8 }, async (_, seed) => {
      for (;;) {
        const ack = await sendFile(sender, picture(40, 40, seed), { room });
        if (ack.status === 'success') return ack.mediaId;
        assert.equal(ack.code, 'rate_limited');
        await new Promise((resolve) => setTimeout(resolve, ack.retryAfter));
      }
    }));
    for (const mediaId of sent) await shown(other, mediaId);
    await sender.say(room, 'last');
    await other.message(room, 'last');
    assert.deepEqual(other.received('file-message', room).map(({ mediaId }) => mediaId).sort(), [...sent].sort());
  });
});

describe('past the nodes', { concurrency: true }, () => {
  test('ticket, bytes, completion: a message in the room, once however often it is completed', async (t) => {
    const room = newRoom('direct');
    const sender = await member(t, room);
    const other = await member(t, room, { node: 1 });
    const bytes = picture(1_700, 1_600);
    assert.ok(bytes.length > 8_000_000 && bytes.length < bounds.maxFileBytes, `${bytes.length} bytes`);
    const asked = { room, filename: 'large.png', mime: 'image/png', size: bytes.length };
    const { http, body: ticket } = await askMedia(sender.user, '/media/uploads', asked);
    assert.deepEqual([http, ticket.status], [201, 'success']);
    assert.ok(Date.parse(ticket.expiresAt) > Date.now());
    assert.ok((await postTo(ticket, bytes)) < 300);
    const complete = () => askMedia(sender.user, `/media/uploads/${ticket.uploadId}/complete`);
    const { body: done } = await complete();
    assert.equal(done.status, 'success', JSON.stringify(done));
    const message = await shown(other, done.mediaId);
    assert.deepEqual([message.filename, message.width, message.height], ['large.png', 1_700, 1_600]);
    assert.deepEqual((await complete()).body, done);
    await sender.say(room, 'last');
    await other.message(room, 'last');
    assert.equal(other.received('file-message', room).length, 1);
  });

  test('what is refused, and how', async (t) => {
    const room = newRoom('direct');
    const sender = await member(t, room);
    const good = { room, mime: 'image/png', size: 100 };
    for (const [http, code, user, asked] of [
      [401, 'forbidden', null, good],
      [400, 'invalid', sender.user, { ...good, size: 0 }],
      [400, 'invalid', sender.user, { room }],
      [400, 'invalid', sender.user, { ...good, room: '' }],
      [413, 'too_large', sender.user, { ...good, size: bounds.maxFileBytes + 1 }],
      [415, 'unsupported_media', sender.user, { ...good, mime: 'application/pdf' }],
      [403, 'forbidden', { ...sender.user, rooms: ['team-*'] }, good],
    ]) {
      const answer = await askMedia(user, '/media/uploads', asked);
      assert.deepEqual([answer.http, answer.body.status, answer.body.code], [http, 'error', code], JSON.stringify(asked));
      assert.ok(answer.body.message.length > 0);
    }
  });

  test("nothing comes of bytes that are not there, of somebody else's upload, of an id that nobody gave", async (t) => {
    const room = newRoom('direct');
    const sender = await member(t, room);
    const { body: ticket } = await askMedia(sender.user, '/media/uploads', { room, mime: 'image/png', size: 100 });
    for (const [http, user, id] of [
      [404, sender.user, ticket.uploadId],
      [403, newUser('Eve'), ticket.uploadId],
      [404, sender.user, 'nonsense'],
    ]) {
      const answer = await askMedia(user, `/media/uploads/${id}/complete`);
      assert.deepEqual([answer.http, answer.body.status], [http, 'error'], id.slice(0, 20));
    }
  });

  test('bytes of another type are refused when it is completed', async (t) => {
    const room = newRoom('direct');
    const sender = await member(t, room);
    const bytes = Buffer.from('no picture at all');
    const { body: ticket } = await askMedia(sender.user, '/media/uploads', { room, mime: 'image/png', size: bytes.length });
    assert.ok((await postTo(ticket, bytes)) < 300);
    const answer = await askMedia(sender.user, `/media/uploads/${ticket.uploadId}/complete`);
    assert.deepEqual([answer.http, answer.body.code], [415, 'unsupported_media']);
  });
});
