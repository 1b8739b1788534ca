// The administrator's desk as one value: what happened goes in (with the time), what to do comes out. No DOM, no sockets.
//
// Effects are those of `model/chat.js`: { emit, payload, answer }.

import * as links from '../../model/link-state.js';
import { outcomeOf } from './order.js';
import { withSample } from './rates.js';

/** How often the figures are asked for while somebody may look at them, in milliseconds. */
export const REFRESH = 2_000;
/** So much of what was done is shown. */
const MOST_DEEDS = 20;

export class Desk {
  /** @param {{ userId: string, username: string }} me */
  constructor(me, now) {
    this.me = me;
    this.link = links.newLink();
    this.visible = true;
    /** The latest figures, when they came, and why no newer ones did. */
    this.stats = null;
    this.statsAt = /** @type {number | null} */ (null);
    this.statsProblem = '';
    this.samples = [];
    /** The request under way; a late answer to an older one is told by it. */
    this.asked = null;
    this.askAt = now;
    this.forms = { announce: newForm(), user: newForm() };
    /** What was done from here, newest first. */
    this.deeds = [];
  }

  // ---- the connection ----

  connected(now) {
    this.link = links.up(this.link);
    this.askAt = now;
    return this.#ask(now);
  }

  disconnected(how) {
    this.link = links.down(this.link, how);
    this.asked = null;
    return [];
  }

  attemptFailed({ online }) {
    this.link = links.attemptFailed(this.link, { online });
    return [];
  }

  networkBack() {
    this.link = links.networkBack(this.link);
    return [];
  }

  sentAway(message) {
    this.link = links.sentAway(this.link, message);
    return [];
  }

  tryAgain() {
    this.link = links.tryAgain(this.link);
    return [];
  }

  // ---- the figures ----

  /** Whether the page is in view. */
  attend(visible, now) {
    this.visible = visible;
    return this.#ask(now);
  }

  #ask(now) {
    if (this.link.phase !== 'connected' || !this.visible || this.asked !== null || now < this.askAt) return [];
    const asked = { at: now };
    this.asked = asked;
    const answer = (ack, time) => (this.asked === asked ? this.#counted(ack, time) : []);
    return [{ emit: 'stats', payload: {}, answer }];
  }

  #counted(ack, now) {
    const wait = ack?.retryAfter ?? 0;
    this.askAt = Math.max(this.asked.at + REFRESH, now + wait);
    this.asked = null;
    if (ack?.status !== 'success') {
      this.statsProblem = ack === null ? 'The server did not answer.' : ack.message;
      return this.#ask(now);
    }
    this.stats = ack;
    this.statsAt = now;
    this.statsProblem = '';
    this.samples = withSample(this.samples, { time: now, messages: ack.messagesPerSecond, deliveries: ack.deliveriesPerSecond });
    return this.#ask(now);
  }

  // ---- orders ----

  /**
   * @param {'announce' | 'user'} name the form it comes from: one order of each at a time
   * @param {import('./order.js').Order} order
   */
  order(name, order, now) {
    const form = this.forms[name];
    if (form.asking || (form.retryAt !== null && now < form.retryAt)) return [];
    const away = this.link.phase === 'connected' ? '' : `${order.failed}: there is no connection. Ask again when it is back.`;
    const problem = order.problem || away;
    if (problem !== '') {
      this.forms[name] = { ...newForm(), outcome: { good: false, words: problem } };
      return [];
    }
    this.forms[name] = { ...newForm(), asking: true };
    const answer = (ack, time) => {
      const { good, words, retryAfter } = outcomeOf(order, ack);
      this.forms[name] = { asking: false, outcome: { good, words }, retryAt: retryAfter > 0 ? time + retryAfter : null };
      this.deeds = [{ key: `${time} ${this.deeds.length} ${name}`, time, good, words }, ...this.deeds].slice(0, MOST_DEEDS);
      return [];
    };
    return [{ emit: order.emit, payload: order.payload, answer }];
  }

  // ---- time ----

  tick(now) {
    for (const [name, form] of Object.entries(this.forms)) {
      if (form.retryAt !== null && form.retryAt <= now) this.forms[name] = { ...form, retryAt: null };
    }
    return this.#ask(now);
  }

  nextTick() {
    const times = Object.values(this.forms).map(({ retryAt }) => retryAt);
    if (this.link.phase === 'connected' && this.visible && this.asked === null) times.push(this.askAt);
    const due = times.filter((time) => time !== null);
    return due.length > 0 ? Math.min(...due) : null;
  }
}

/** `outcome` is what came of the last order, or why it could not be asked for. */
function newForm() {
  return { asking: false, outcome: null, retryAt: null };
}

/** What the state of the connection means here, where it means anything. */
export function deskAdvice({ link, statsProblem }) {
  switch (link.phase) {
    case 'reconnecting':
      return 'The connection was lost and is being made again. The figures are the last that came.';
    case 'offline':
      return 'The server cannot be reached. This page goes on trying; the figures are the last that came.';
    case 'ended':
      return links.whyWords(link.why);
    default:
      return statsProblem === '' ? '' : `No new figures: ${statsProblem}`;
  }
}
