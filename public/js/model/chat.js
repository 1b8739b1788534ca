// The chat as one value: what happened goes in (with the time), what to do comes out. No DOM, no sockets.
//
// Every method that something happens through returns effects for the runner:
//   { emit, payload, answer? }  send an event; `answer(ack | null, now)` takes the ack, null when none came in time
//   { save: 'rooms' | 'outbox' | 'reads' }  keep that part over a reload
//   and those of `files.js`

import { withAnnouncement } from './announcements.js';
import { Files } from './files.js';
import * as links from './link-state.js';
import { Membership } from './membership.js';
import { Outgoing } from './outgoing.js';
import { replayFrom } from './positions.js';
import { changed, listed } from './presence.js';
import { Room } from './room.js';
import { DEFAULT_ROOM, MAX_OPEN, neighbour, successor } from './room-names.js';
import { newestSeq, rejoin, withGap } from './timeline.js';
import * as typing from './typing.js';
import { allRead, sinceReading } from './unread.js';

/** Messages that a join's ack and a page of history hold at most. */
export const PAGE = 50;

export class Chat {
  /**
   * @param {object} start
   * @param {{ userId: string, username: string }} start.me
   * @param {string[]} start.rooms open rooms, in order
   * @param {string | null} start.active
   * @param {Record<string, number>} start.reads the last sequence read in each room
   * @param {import('./outbox.js').Entry[]} start.outbox
   */
  constructor({ me, rooms, active, reads, outbox }, now) {
    this.me = me;
    this.rooms = new Map(rooms.map((name) => [name, new Room(name)]));
    this.active = this.rooms.has(active) ? active : (rooms[0] ?? null);
    this.reads = new Map(Object.entries(reads));
    this.link = links.newLink();
    this.ownTyping = null;
    /** What administrators announced and nobody here has dismissed, newest last. */
    this.announcements = [];
    /** The last thing that a person has to be told at once. */
    this.alert = /** @type {{ text: string } | null} */ (null);
    /** Whether the page is in view, and the newest message of the active room with it. */
    this.attention = { visible: true, newest: false };
    this.membership = new Membership(this.rooms, {
      joined: (room, ack, now) => this.#joined(room, ack, now),
      caughtUp: (missed, now) => (this.link = links.recovered(this.link, missed, now)),
    });
    this.outgoing = new Outgoing(
      outbox.filter(({ room }) => this.rooms.has(room)),
      {
        ready: (name) => this.#ready(name),
        stored: (entry, ack) => this.#stored(entry, ack),
        failed: (reason) => this.#warn(`A message was not sent. ${reason}`),
      },
      now,
    );
    this.files = new Files({
      ready: (name) => this.#ready(name),
      shows: (name, mediaId) => this.rooms.get(name)?.timeline.messages.some((message) => message.mediaId === mediaId) ?? false,
      warn: (sentence) => this.#warn(sentence),
    });
  }

  get activeRoom() {
    return this.rooms.get(this.active) ?? null;
  }

  /** `auth.rooms` of the next connection. */
  positions() {
    return replayFrom(this.rooms.values());
  }

  // ---- the connection ----

  connected(now) {
    this.link = links.up(this.link);
    const effects = this.membership.connected(now);
    // The server puts every connection there; someone who left does not want to count as present.
    if (!this.rooms.has(DEFAULT_ROOM)) effects.push({ emit: 'leave-room', payload: { room: DEFAULT_ROOM } });
    return effects;
  }

  /** @param {{ final: boolean, online: boolean }} how `final`: the server ended the session */
  disconnected(how, now) {
    this.link = links.down(this.link, how);
    this.ownTyping = null;
    for (const room of this.rooms.values()) {
      room.replay = null;
      room.typers = new Map();
      if (room.older === 'loading') room.older = 'idle';
    }
    return [...this.outgoing.interrupted(now), ...this.files.interrupted()];
  }

  attemptFailed({ online }) {
    this.link = links.attemptFailed(this.link, { online });
    return [];
  }

  /** The server ended the connection, or refused one, with these words. */
  sentAway(message) {
    this.link = links.sentAway(this.link, message);
    this.#warn(links.linkAdvice(this.link));
    return [];
  }

  /** A person tries again. */
  tryAgain() {
    this.link = links.tryAgain(this.link);
    this.alert = null;
    return [];
  }

  networkBack() {
    this.link = links.networkBack(this.link);
    return [];
  }

  // ---- what the server sends ----

  message(message, now) {
    const room = this.rooms.get(message.room);
    if (!room) return [];
    const mine = message.userId === this.me.userId;
    const added = room.take(message, { attended: this.#attends(room), mine });
    room.reached(message.seq);
    room.typers = typing.heard(room.typers, { userId: message.userId, typing: false }, now);
    return [...(mine ? this.#settled(message, added, now) : []), ...this.#noteRead(room)];
  }

  userList(list) {
    const room = this.rooms.get(list.room);
    if (room) room.presence = listed(list);
    return [];
  }

  presence(change) {
    const room = this.rooms.get(change.room);
    if (room) room.presence = changed(room.presence, change);
    return [];
  }

  typing(typer, now) {
    const room = this.rooms.get(typer.room);
    if (room && typer.userId !== this.me.userId) room.typers = typing.heard(room.typers, typer, now);
    return [];
  }

  recovered({ room: name, from, to, complete, code, message }, now) {
    const room = this.rooms.get(name);
    if (!room) return [];
    if (code !== undefined) {
      this.membership.shutOut(room, { code, message }, now);
      return [];
    }
    room.reached(to);
    if (!complete) room.timeline = withGap(room.timeline, from);
    this.membership.recovered(room, complete, now);
    return [...this.outgoing.flush(now), ...this.files.caughtUp(name, now)];
  }

  announced(announcement) {
    this.announcements = withAnnouncement(this.announcements, announcement);
    return [];
  }

  dismissAnnouncement(key) {
    this.announcements = this.announcements.filter((announcement) => announcement.key !== key);
    return [];
  }

  // ---- rooms ----

  /** Opens a room and shows it. */
  open(name) {
    if (this.rooms.has(name)) return this.select(name);
    if (this.rooms.size >= MAX_OPEN) {
      this.#warn(`${MAX_OPEN} rooms are open. Leave one to join another.`);
      return [];
    }
    const room = new Room(name);
    this.rooms.set(name, room);
    const selected = this.select(name);
    return this.link.phase === 'connected' ? [...selected, this.membership.join(room)] : selected;
  }

  leave(name) {
    if (!this.rooms.has(name)) return [];
    const next = successor([...this.rooms.keys()], name);
    const stopped = this.ownTyping?.room === name ? this.stoppedTyping() : [];
    this.rooms.delete(name);
    const effects = [...stopped, ...this.outgoing.removeRoom(name), ...this.files.removeRoom(name), { save: 'rooms' }];
    if (this.link.phase === 'connected') effects.push({ emit: 'leave-room', payload: { room: name } });
    if (this.active !== name) return effects;
    this.active = null;
    return next === null ? effects : [...effects, ...this.select(next)];
  }

  select(name) {
    if (!this.rooms.has(name) || name === this.active) return [];
    const stopped = this.stoppedTyping();
    const before = this.activeRoom;
    if (before?.unread.count === 0) before.unread = allRead();
    this.active = name;
    // Whether its newest message is in view is for the log to say once the room is drawn.
    this.attention = { ...this.attention, newest: false };
    return [...stopped, { save: 'rooms' }];
  }

  selectNeighbour(step) {
    const name = neighbour([...this.rooms.keys()], this.active, step);
    return name === null ? [] : this.select(name);
  }

  /** A person asks once more for a room that was refused. */
  knock(name) {
    const room = this.rooms.get(name);
    if (!room) return [];
    room.phase = 'joining';
    return this.link.phase === 'connected' ? [this.membership.join(room)] : [];
  }

  /** @param {{ visible?: boolean, newest?: boolean }} attention */
  attend(attention) {
    this.attention = { ...this.attention, ...attention };
    const room = this.activeRoom;
    if (!room || !this.#attends(room)) return [];
    room.read();
    return this.#noteRead(room);
  }

  // ---- messages of one's own ----

  /** @param {string} id the `clientMessageId` of every attempt */
  send(content, id, now) {
    const room = this.activeRoom;
    if (!room) return [];
    room.unread = allRead();
    return [...this.outgoing.write({ id, room: room.name, content }, now), ...this.stoppedTyping()];
  }

  /** @param {object[]} files as `Files.attach` takes them */
  sendFiles(name, files, now) {
    const room = this.rooms.get(name);
    if (!room) return files.map(({ id }) => ({ drop: id }));
    room.unread = allRead();
    return this.files.attach(name, files, now);
  }

  sendAgain(id, now) {
    return this.outgoing.again(id, now);
  }

  discard(id) {
    return this.outgoing.remove(id);
  }

  typed(now) {
    if (!this.activeRoom || this.link.phase !== 'connected') return [];
    const { own, tell } = typing.pressed(this.ownTyping, this.active, now);
    this.ownTyping = own;
    return tell ? [{ emit: 'typing', payload: { room: this.active, typing: true } }] : [];
  }

  stoppedTyping() {
    if (this.ownTyping === null) return [];
    const { room } = this.ownTyping;
    this.ownTyping = null;
    return [{ emit: 'typing', payload: { room, typing: false } }];
  }

  // ---- older messages ----

  loadOlder(name) {
    const room = this.rooms.get(name);
    return room && this.link.phase === 'connected' ? room.loadOlder(PAGE) : [];
  }

  // ---- time ----

  /** Whatever the passing of time brings. */
  tick(now) {
    this.link = links.expireRecovered(this.link, now);
    const effects = typing.idle(this.ownTyping, now) ? this.stoppedTyping() : [];
    for (const room of this.rooms.values()) room.typers = typing.expire(room.typers, now);
    if (this.link.phase === 'connected') effects.push(...this.membership.tick(now));
    return [...effects, ...this.outgoing.flush(now), ...this.files.flush(now)];
  }

  /** When `tick` is due next, or null. */
  nextTick() {
    const times = [this.link.recovered?.until, this.outgoing.nextAttempt(), this.files.nextAttempt()];
    if (this.ownTyping) times.push(this.ownTyping.keyAt + typing.IDLE_AFTER);
    for (const room of this.rooms.values()) times.push(typing.nextExpiry(room.typers));
    if (this.link.phase === 'connected') times.push(...this.membership.times());
    const due = times.filter((time) => typeof time === 'number');
    return due.length > 0 ? Math.min(...due) : null;
  }

  // ---- inside ----

  #warn(text) {
    this.alert = { text };
  }

  #attends(room) {
    return room.name === this.active && this.attention.visible && this.attention.newest;
  }

  #ready(name) {
    const room = this.rooms.get(name);
    return this.link.phase === 'connected' && room?.phase === 'in' && room.replay === null;
  }

  #joined(room, ack, now) {
    const lastRead = this.reads.get(room.name);
    room.timeline = rejoin(room.timeline, ack.history, ack.history.length >= PAGE);
    room.joinedAt(ack.seq);
    if (lastRead !== undefined) room.unread = sinceReading(room.timeline.messages, lastRead, this.me.userId);
    if (this.#attends(room)) room.read();
    const settled = ack.history
      .filter((message) => message.userId === this.me.userId)
      .flatMap((message) => this.outgoing.remove(message.clientMessageId));
    return [...settled, ...this.#noteRead(room), ...this.outgoing.flush(now), ...this.files.caughtUp(room.name, now)];
  }

  /** A message of one's own has come: nothing of it is on its way any more. */
  #settled(message, added, now) {
    if (message.mediaId === undefined) return this.outgoing.remove(message.clientMessageId);
    return added ? this.files.message(message, now) : [];
  }

  /** The ack does not move the position: messages with lower sequences may still be on their way. */
  #stored(entry, { id, room: name, seq, timestamp }) {
    const room = this.rooms.get(name);
    if (!room) return [];
    const message = { id, room: name, seq, ...this.me, content: entry.content, timestamp, clientMessageId: entry.id };
    room.take(message, { attended: this.#attends(room), mine: true });
    return this.#noteRead(room);
  }

  #noteRead(room) {
    const newest = newestSeq(room.timeline);
    if (!this.#attends(room) || newest <= (this.reads.get(room.name) ?? 0)) return [];
    this.reads.set(room.name, newest);
    return [{ save: 'reads' }];
  }
}
