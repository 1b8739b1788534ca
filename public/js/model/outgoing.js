// Messages of one's own on their way: the outbox, with the effects that carry out what it decides.

import * as outbox from './outbox.js';

export class Outgoing {
  /**
   * @param {outbox.Entry[]} entries left from before a reload
   * @param {object} chat
   * @param {(room: string) => boolean} chat.ready whether a room takes messages now
   * @param {(entry: outbox.Entry, ack: object) => object[]} chat.stored told when an ack says so; gives effects
   * @param {(reason: string) => void} chat.failed told when a message is given up
   */
  constructor(entries, { ready, stored, failed }, now) {
    this.entries = outbox.interrupted(entries, now);
    this.ready = ready;
    this.stored = stored;
    this.failed = failed;
  }

  of(room) {
    return this.entries.filter((entry) => entry.room === room);
  }

  write(message, now) {
    this.entries = outbox.enqueue(this.entries, message, now);
    return [...this.flush(now), { save: 'outbox' }];
  }

  again(id, now) {
    this.entries = outbox.again(this.entries, id, now);
    return [...this.flush(now), { save: 'outbox' }];
  }

  /** It is stored after all, or not wanted any more. */
  remove(id) {
    const before = this.entries;
    this.entries = outbox.without(before, id);
    return this.entries === before ? [] : [{ save: 'outbox' }];
  }

  removeRoom(room) {
    this.entries = this.entries.filter((entry) => entry.room !== room);
    return [{ save: 'outbox' }];
  }

  interrupted(now) {
    this.entries = outbox.interrupted(this.entries, now);
    return [{ save: 'outbox' }];
  }

  /** Sends what may be sent now. */
  flush(now) {
    return outbox.due(this.entries, this.ready, now).map((entry) => this.#dispatch(entry));
  }

  nextAttempt() {
    return outbox.nextAttempt(this.entries, this.ready);
  }

  #dispatch({ id, room, content }) {
    this.entries = outbox.sending(this.entries, id);
    const { attempts } = this.#find(id);
    return {
      emit: 'chat-message',
      payload: { room, content, clientMessageId: id },
      answer: (ack, now) => this.#answered(id, attempts, ack, now),
    };
  }

  #answered(id, attempt, ack, now) {
    const entry = this.#find(id);
    if (!entry) return [];
    if (ack?.status === 'success') return [...this.remove(id), ...this.stored(entry, ack)];
    // The loss of the connection has ended this attempt already.
    if (entry.state !== 'sending' || entry.attempts !== attempt) return [];
    this.entries = ack ? outbox.refused(this.entries, id, ack, now) : outbox.unanswered(this.entries, id, now);
    const { state, reason } = this.#find(id);
    if (state === 'failed') this.failed(reason);
    return [{ save: 'outbox' }];
  }

  #find(id) {
    return this.entries.find((entry) => entry.id === id);
  }
}
