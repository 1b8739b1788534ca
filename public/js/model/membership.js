// Getting into rooms and, after a lost connection, back into them with what was missed.

import { isTemporary } from './outbox.js';
import { asSentence } from './plain-text.js';

/** A replay that has not ended after this many milliseconds is asked for again. */
export const REPLAY_WITHIN = 5_000;
/** Waits between the attempts to join a room that fail for a moment, in milliseconds. */
const JOIN_BACKOFF = [500, 1_000, 2_000, 4_000, 8_000];

export class Membership {
  #recovered = { count: 0, complete: true };

  /**
   * @param {Map<string, import('./room.js').Room>} rooms the open rooms
   * @param {object} chat
   * @param {(room: object, ack: object, now: number) => object[]} chat.joined told when a join succeeds; gives effects
   * @param {(missed: { count: number, complete: boolean }, now: number) => void} chat.caughtUp told when every replay has ended
   */
  constructor(rooms, { joined, caughtUp }) {
    this.rooms = rooms;
    this.joined = joined;
    this.caughtUp = caughtUp;
  }

  /** A new connection: rooms with a position are replayed by the server, the others are joined. */
  connected(now) {
    this.#recovered = { count: 0, complete: true };
    for (const room of this.rooms.values()) if (room.position !== null) room.replay = { until: now + REPLAY_WITHIN, count: 0 };
    return [...this.rooms.values()].filter((room) => room.position === null).map((room) => this.join(room));
  }

  join(room) {
    room.phase = 'joining';
    room.retryAt = null;
    const answer = (ack, now) => {
      if (this.rooms.get(room.name) !== room || room.phase !== 'joining') return [];
      if (ack?.status === 'success') return this.joined(room, ack, now);
      this.#notJoined(room, ack, now);
      return [];
    };
    return { emit: 'join-room', payload: { room: room.name }, answer };
  }

  /** `recovered`: a room's replay has ended. */
  recovered(room, complete, now) {
    room.phase = 'in';
    room.joinAttempts = 0;
    this.#replayed(room, complete, now);
  }

  /** `recovered` with a code: the server does not let the connection into a room that it named. */
  shutOut(room, { code, message }, now) {
    if (!isTemporary(code)) {
      this.#refuse(room, message, now);
    } else if (room.position === null) {
      room.phase = 'joining';
      room.retryAt = now + nextWait(room);
    } else {
      // Asked for again from the position, so that nothing is missed.
      room.replay = { until: now + nextWait(room), count: room.replay?.count ?? 0 };
    }
  }

  /** What is due while connected: joins to try again, replays that did not end. */
  tick(now) {
    const rooms = [...this.rooms.values()];
    const stuck = rooms.filter((room) => room.replay !== null && room.replay.until <= now);
    const waiting = rooms.filter((room) => room.retryAt !== null && room.retryAt <= now);
    return [...stuck.map((room) => this.#askForReplay(room, now)), ...waiting.map((room) => this.join(room))];
  }

  /** @returns {(number | null | undefined)[]} the times at which something is due */
  times() {
    return [...this.rooms.values()].flatMap((room) => [room.replay?.until, room.retryAt]);
  }

  #replayed(room, complete, now) {
    if (room.replay === null) return;
    this.#recovered = { count: this.#recovered.count + room.replay.count, complete: this.#recovered.complete && complete };
    room.replay = null;
    if (![...this.rooms.values()].some((other) => other.replay !== null)) this.caughtUp(this.#recovered, now);
  }

  /** A person decides; nothing is awaited of the room any more. */
  #refuse(room, reason, now) {
    room.phase = 'refused';
    room.refusal = asSentence(reason);
    this.#replayed(room, true, now);
  }

  /** By a join from the position. */
  #askForReplay(room, now) {
    room.replay.until = now + REPLAY_WITHIN;
    const answer = (ack, at) => {
      if (ack?.status === 'error' && !isTemporary(ack.code)) this.#refuse(room, ack.message, at);
      return [];
    };
    return { emit: 'join-room', payload: { room: room.name, after: room.position }, answer };
  }

  #notJoined(room, ack, now) {
    if (ack !== null && !isTemporary(ack.code)) return this.#refuse(room, ack.message, now);
    room.retryAt = now + Math.max(nextWait(room), ack?.retryAfter ?? 0);
  }
}

/** The wait before the next attempt, which counts as made. */
function nextWait(room) {
  const wait = JOIN_BACKOFF[Math.min(room.joinAttempts, JOIN_BACKOFF.length - 1)];
  room.joinAttempts += 1;
  return wait;
}
