// A chat without sockets: time passes and answers come when a test says so.

import { Chat } from '../../../public/js/model/chat.js';

export const NOW = 1_000_000;
const me = { userId: 'me', username: 'Me' };
/** A message of Ada's in `general`, unless `more` says otherwise. */
export const message = (seq, { room = 'general', userId = 'ada', ...more } = {}) => ({
  id: `m${seq}`,
  room,
  seq,
  userId,
  username: userId,
  content: `c${seq}`,
  timestamp: '2025-03-01T10:00:00.000Z',
  ...more,
});

/** A chat with what it emits collected; `answer` answers the latest emit of an event. */
export class Desk {
  constructor(start = {}) {
    this.now = NOW;
    this.sent = [];
    this.saved = new Set();
    this.uploads = [];
    this.kept = [];
    this.chat = new Chat({ me, rooms: ['general'], active: 'general', reads: {}, outbox: [], ...start }, this.now);
  }

  run(step) {
    for (const effect of step(this.chat, this.now)) {
      if (effect.emit) this.sent.push(effect);
      if (effect.save) this.saved.add(effect.save);
      if (effect.upload) this.uploads.push(effect);
      if (effect.abort || effect.keep || effect.drop) this.kept.push(effect);
    }
    return this;
  }

  take(event) {
    const found = this.sent.filter(({ emit }) => emit === event);
    this.sent = this.sent.filter(({ emit }) => emit !== event);
    return found;
  }

  /** The latest steps of the direct way, as far as nobody has taken them. */
  takeUploads() {
    return this.uploads.splice(0);
  }

  answer(effect, ack) {
    return this.run((_, now) => effect.answer(ack, now));
  }

  /** Lets time pass, waking the chat whenever it asks for it. */
  pass(milliseconds) {
    const until = this.now + milliseconds;
    for (let due = this.chat.nextTick(); due !== null && due <= until; due = this.chat.nextTick()) {
      this.now = Math.max(due, this.now);
      this.run((chat, now) => chat.tick(now));
    }
    this.now = until;
    return this;
  }

  joined(history = [], seq = history.at(-1)?.seq ?? 0) {
    this.run((chat, now) => chat.connected(now));
    for (const join of this.take('join-room')) this.answer(join, { status: 'success', room: join.payload.room, seq, history });
    return this;
  }

  lost() {
    return this.run((chat, now) => chat.disconnected({ final: false, online: true }, now));
  }

  room(name = 'general') {
    return this.chat.rooms.get(name);
  }

  seqs(name) {
    return this.room(name).timeline.messages.map(({ seq }) => seq);
  }

  /** Everybody is caught up with after a lost connection. */
  back() {
    this.run((chat, now) => chat.connected(now));
    for (const { name, position } of this.chat.rooms.values()) {
      this.run((chat, now) => chat.recovered({ room: name, from: position, to: position, complete: true }, now));
    }
    return this;
  }

  files() {
    return this.chat.files.of(this.chat.active).map(({ id, state }) => `${id} ${state}`);
  }

  unsent() {
    return this.chat.outgoing.entries.map(({ id, state }) => `${id} ${state}`);
  }
}
