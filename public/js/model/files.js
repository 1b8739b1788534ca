// Files of one's own on their way: the entries of `file-outbox.js`, with the effects that carry out what they decide.
//
// Besides those of the chat there are effects of the direct way, each with `answer(outcome | null, now)`, null when
// nothing was heard:
//   { upload: 'ask', request }  { upload: 'post', ticket, file, progress(part, now) }  { upload: 'complete', uploadId }
//   { abort: id }  ends what is under way for an entry
//   { keep: id, mediaId } the bytes of `id` are those of `mediaId` now;  { drop: id } nobody wants them any more

import { cleanName, MAX_WAITING, nameWords, noDirectWay, refusalOf, typeOf, wayFor } from './attachable.js';
import * as outbox from './file-outbox.js';

/** `file-error`s without an entry that are remembered: one may come before the ack that names the file. */
const EARLY_ERRORS = 20;
/** Files whose rows are still known as entries. */
const NAMES = 200;
/** The socket answers when the file is stored whole; a slow line takes its time. */
const ACK_WITHIN = 90_000;

export class Files {
  /** @type {outbox.FileEntry[]} in the order of choosing */
  entries = [];
  /** What was refused last, in sentences. @type {string[]} */
  refusals = [];
  /** The last thing that is worth telling someone who does not see the bars. @type {{ text: string } | null} */
  news = null;
  /** Whether files may go past the node; null as long as nobody has said. @type {boolean | null} */
  direct = null;
  #early = new Map();
  #names = new Map();

  /**
   * @param {object} chat
   * @param {(room: string) => boolean} chat.ready whether a room takes messages now
   * @param {(room: string, mediaId: string) => boolean} chat.shows whether a room's log has a file
   * @param {(sentence: string) => void} chat.warn
   */
  constructor({ ready, shows, warn }) {
    this.ready = ready;
    this.shows = shows;
    this.warn = warn;
  }

  /** What a room's log shows of them: not what stands there as a message already. */
  of(room) {
    return this.entries.filter((entry) => entry.room === room && entry.seenAs === null);
  }

  /** The entry that a file of the log was, so that its row stays the same one. */
  nameOf(mediaId) {
    return this.#names.get(mediaId);
  }

  // ---- what a person wants ----

  /**
   * Sends files, in their order; what cannot be sent is refused in words.
   * @param {{ id: string, name: string, type: string, size: number, frame?: { width: number, height: number } | null }[]} files
   */
  attach(room, files, now) {
    this.refusals = [];
    const effects = [];
    for (const file of files) {
      const refusal = this.#refusal(file);
      if (refusal !== null) {
        this.refusals.push(refusal);
        effects.push({ drop: file.id });
        continue;
      }
      const { id, name, size, frame } = file;
      const entry = { id, room, filename: cleanName(name), mime: typeOf(file), size, frame, way: wayFor(size) };
      this.entries = [...this.entries, outbox.newEntry(entry, now)];
    }
    return [...effects, ...this.flush(now)];
  }

  #refusal(file) {
    if (this.entries.length >= MAX_WAITING) return `“${nameWords(file.name)}” was left out: ${MAX_WAITING} files are on their way. Send it when some have arrived.`;
    return refusalOf(file) ?? (this.direct === false && wayFor(file.size) === 'direct' ? noDirectWay(file) : null);
  }

  dismissRefusals() {
    this.refusals = [];
    return [];
  }

  again(id, now) {
    this.#change(id, (entry) => (entry.state === 'failed' ? outbox.again(entry, now) : entry));
    return this.flush(now);
  }

  /** Cancelled on its way, or discarded after it failed. What the server has taken already may still appear. */
  discard(id, now) {
    return this.#find(id) ? [{ abort: id }, ...this.#remove(id, [{ drop: id }]), ...this.flush(now)] : [];
  }

  removeRoom(room) {
    return this.entries.filter((entry) => entry.room === room).flatMap(({ id }) => [{ abort: id }, ...this.#remove(id, [{ drop: id }])]);
  }

  // ---- what is heard ----

  /** @param {boolean} direct whether the server has said where files go */
  configured(direct, now) {
    this.direct = direct;
    const refused = direct ? [] : this.entries.filter(({ way, state }) => way === 'direct' && state === 'waiting');
    for (const entry of refused) this.#fail(entry.id, noDirectWay({ name: entry.filename, size: entry.size }), true);
    return this.flush(now);
  }

  /** A new `file-message` of ours. */
  message(message, now) {
    const named = this.entries.find(({ mediaId }) => mediaId !== null && mediaId === message.mediaId);
    if (named) return this.#arrived(named, message.mediaId, now);
    const likely = this.entries.find((entry) => outbox.couldBe(entry, message));
    if (!likely) return [];
    if (likely.state === 'unsure') return this.#arrived(likely, message.mediaId, now);
    this.#change(likely.id, (entry) => ({ ...entry, seenAs: message.mediaId }));
    return this.#kept(likely.id, message.mediaId);
  }

  /** `file-error`; it may come twice. */
  error({ mediaId, code, message }, now) {
    const entry = this.entries.find((other) => other.mediaId === mediaId);
    if (entry) return this.#refuse(entry.id, { status: 'error', code, message }, now);
    this.#early.set(mediaId, { code, message });
    if (this.#early.size > EARLY_ERRORS) this.#early.delete(this.#early.keys().next().value);
    return [];
  }

  interrupted() {
    const gone = this.entries.filter(({ state, seenAs }) => state === 'sending' && seenAs !== null);
    this.entries = this.entries.map(outbox.interrupted);
    return gone.flatMap((entry) => this.#remove(entry.id, []));
  }

  /** A room has been caught up with after a lost connection. */
  caughtUp(room, now) {
    this.entries = this.entries.map((entry) => (entry.room === room ? outbox.caughtUp(entry, now) : entry));
    return this.flush(now);
  }

  // ---- time ----

  /** Sends what may be sent now: one at a time, so that files appear in the order of choosing. */
  flush(now) {
    for (const { id, notBefore, state } of this.entries) {
      if (notBefore > now || (state !== 'taken' && state !== 'unsure')) continue;
      this.#change(id, (entry) => outbox.expired(entry, now));
      this.#tellFailure(id);
    }
    const next = this.#next();
    return next && next.at <= now ? this.#step(next.id, (entry) => outbox.begin(entry, now)) : [];
  }

  /** When `flush` has something to do next, or null. */
  nextAttempt() {
    const waits = this.entries.filter(({ state }) => state === 'taken' || state === 'unsure').map(({ notBefore }) => notBefore);
    const times = [...waits, this.#next()?.at ?? Infinity];
    const due = Math.min(...times);
    return Number.isFinite(due) ? due : null;
  }

  /** Which one leaves next, and when. */
  #next() {
    if (this.entries.some(outbox.isUnderWay)) return null;
    const next = this.entries.find(({ state, room, way }) => state === 'waiting' && this.ready(room) && (way === 'socket' || this.direct === true));
    if (!next) return null;
    const before = this.entries.filter(({ state, room }) => state === 'taken' && room === next.room);
    return { id: next.id, at: Math.max(next.notBefore, ...before.map(({ holdsUntil }) => holdsUntil)) };
  }

  // ---- inside ----

  /** Moves an entry on and gives the effect of the step that it is at now. */
  #step(id, to) {
    this.#change(id, to);
    const entry = this.#find(id);
    const answer = (outcome, now) => this.#answered(id, entry.turn, outcome, now);
    const { room, filename, mime, size, ticket } = entry;
    switch (entry.state) {
      case 'sending':
        this.#tell(`Sending ${nameWords(filename)}.`);
        return [{ emit: 'send-file', file: id, payload: { room, filename, clientMessageId: id }, answer, within: ACK_WITHIN }];
      case 'asking':
        this.#tell(`Sending ${nameWords(filename)}.`);
        return [{ upload: 'ask', id, request: { room, filename, mime, size }, answer }];
      case 'uploading':
        return [{ upload: 'post', id, file: id, ticket, progress: (part) => this.#progressed(id, entry.turn, part), answer }];
      case 'completing':
        return [{ upload: 'complete', id, uploadId: ticket.uploadId, answer }];
      default:
        return [];
    }
  }

  #answered(id, turn, outcome, now) {
    const entry = this.#find(id);
    // Cancelled, or cut off since: the loss of the connection has ended that step already.
    if (!entry || entry.turn !== turn || !outbox.isUnderWay(entry)) return [];
    if (outcome?.status !== 'success') return this.#refuse(id, outcome, now);
    const effects = entry.way === 'socket' ? [] : this.#step(id, (value) => outbox.stepped(value, outcome, now));
    if (entry.way === 'socket') this.#change(id, (value) => outbox.taken(value, outcome.mediaId, now));
    const { state, mediaId } = this.#find(id);
    if (state !== 'taken') return effects;
    if (this.shows(entry.room, mediaId)) return this.#arrived(entry, mediaId, now);
    const early = this.#early.get(mediaId);
    return early ? this.#refuse(id, early, now) : this.flush(now);
  }

  #progressed(id, turn, part) {
    const entry = this.#find(id);
    if (!entry || entry.turn !== turn) return [];
    if (entry.progress < 0.5 && part >= 0.5) this.#tell(`Half of ${nameWords(entry.filename)} is sent.`);
    this.#change(id, (value) => outbox.progressed(value, part));
    return [];
  }

  #refuse(id, failure, now) {
    this.#change(id, (entry) => outbox.refused(entry, failure, now));
    this.#tellFailure(id);
    return this.flush(now);
  }

  #fail(id, reason, hopeless) {
    this.#change(id, (entry) => outbox.failed(entry, reason, hopeless));
    this.#tellFailure(id);
  }

  #tellFailure(id) {
    const { state, filename, reason } = this.#find(id);
    if (state === 'failed') this.warn(`${nameWords(filename)} was not sent. ${reason}`);
  }

  #arrived({ id, filename }, mediaId, now) {
    this.#tell(`${nameWords(filename)} is sent.`);
    return [...this.#remove(id, this.#kept(id, mediaId)), ...this.flush(now)];
  }

  #kept(id, mediaId) {
    this.#names.set(mediaId, id);
    if (this.#names.size > NAMES) this.#names.delete(this.#names.keys().next().value);
    return [{ keep: id, mediaId }];
  }

  #tell(text) {
    this.news = { text };
  }

  #remove(id, effects) {
    this.entries = this.entries.filter((entry) => entry.id !== id);
    return effects;
  }

  #find(id) {
    return this.entries.find((entry) => entry.id === id);
  }

  #change(id, to) {
    this.entries = this.entries.map((entry) => (entry.id === id ? to(entry) : entry));
  }
}
