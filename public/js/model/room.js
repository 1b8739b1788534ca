// One open room: everything this window knows of it. Holds values; `chat.js` says what happens when.

import { advance } from './positions.js';
import { nobody } from './presence.js';
import { emptyTimeline, insert, newestSeq, oldestSeq, prepend, trim } from './timeline.js';
import { allRead, missed, seen } from './unread.js';

export class Room {
  constructor(name) {
    this.name = name;
    /** `refused` waits for a person; the other two are the connection's business. */
    this.phase = /** @type {'joining' | 'in' | 'refused'} */ ('joining');
    this.refusal = '';
    this.retryAt = null; // when a join that failed for a moment is tried again
    this.joinAttempts = 0;

    this.timeline = emptyTimeline();
    this.position = /** @type {number | null} */ (null);
    this.older = /** @type {'idle' | 'loading' | 'failed'} */ ('idle');

    this.presence = nobody();
    this.typers = new Map();
    this.unread = allRead();

    /** While a replay runs: until when it is waited for, and how many messages it brought. */
    this.replay = /** @type {{ until: number, count: number } | null} */ (null);
  }

  /** Takes a stored message. @returns {boolean} whether it is new here */
  take(message, { attended, mine }) {
    const { timeline, added } = insert(this.timeline, message);
    this.timeline = attended ? trim(timeline) : timeline;
    if (!added) return false;
    if (this.replay && !mine) this.replay.count += 1;
    if (!attended && !mine) this.unread = missed(this.unread, message.seq);
    return true;
  }

  /** A join counts from `seq`; what came live before its ack is here already. */
  joinedAt(seq) {
    this.phase = 'in';
    this.joinAttempts = 0;
    this.position = Math.max(seq, newestSeq(this.timeline));
  }

  /** The live stream or a replay has brought everything up to `seq`. Before a join there is no position. */
  reached(seq) {
    if (this.position !== null) this.position = advance(this.position, seq);
  }

  /** Asks for the page before the oldest message, one at a time. @returns {object[]} effects, as in `chat.js` */
  loadOlder(limit) {
    const before = oldestSeq(this.timeline);
    if (before === null || !this.timeline.more || this.older === 'loading') return [];
    this.older = 'loading';
    const answer = (ack) => {
      if (this.older !== 'loading') return [];
      const fits = ack?.status === 'success' && oldestSeq(this.timeline) === before;
      this.older = ack?.status === 'success' ? 'idle' : 'failed';
      if (fits) this.timeline = prepend(this.timeline, ack.messages, ack.more);
      return [];
    };
    return [{ emit: 'history', payload: { room: this.name, before, limit }, answer }];
  }

  read() {
    this.unread = seen(this.unread);
    this.timeline = trim(this.timeline);
  }
}
