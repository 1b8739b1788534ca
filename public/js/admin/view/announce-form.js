// Announcing something to everybody: written, shown as it will be, confirmed, sent.

import { lengthOf } from '../../model/plain-text.js';
import { byId, setText } from '../../view/dom.js';
import { count, counted } from '../model/figures.js';
import { announcement, MAX_WORDS } from '../model/order.js';
import { rest, showOutcome } from './outcome.js';

/** From so many characters left on, the count is shown. */
const COUNT_FROM = 150;

export class AnnounceForm {
  #field = byId('announce-text');
  #count = byId('announce-count');
  #outcome = byId('announce-outcome');
  #dialog = byId('confirm');
  #drawn = null;
  /** What was sent and is not known to be shown. */
  #sent = null;
  #desk = null;
  #order;

  /** @param {{ order: (order: import('../model/order.js').Order) => void }} wants */
  constructor({ order }) {
    this.#order = order;
    byId('announce').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#ask();
    });
    this.#field.addEventListener('input', () => this.#measure());
    byId('confirm-send').addEventListener('click', () => {
      this.#dialog.close();
      this.#sent = this.#field.value;
      this.#order(announcement(this.#sent));
    });
    byId('confirm-back').addEventListener('click', () => this.#dialog.close());
  }

  render(desk) {
    this.#desk = desk;
    const form = desk.forms.announce;
    if (form === this.#drawn) return;
    if (form.outcome?.good) this.#clear();
    this.#drawn = form;
    showOutcome(this.#outcome, form);
    rest([byId('announce-send')], form);
  }

  #ask() {
    const order = announcement(this.#field.value);
    const { forms, stats, me } = this.#desk;
    if (forms.announce.asking || forms.announce.retryAt !== null) return;
    // What cannot be sent says why without being confirmed first.
    if (order.problem !== '') {
      this.#order(order);
      this.#field.focus();
      return;
    }
    setText(byId('confirm-words'), this.#field.value);
    setText(byId('confirm-sender'), me.username);
    const now = stats === null ? '' : `: ${counted(stats.sockets, 'connection')} on ${counted(stats.nodes.length, 'node')} at the last count`;
    setText(byId('confirm-reach'), `Shown once, in every room, to everybody who is connected now${now}. It cannot be taken back.`);
    this.#dialog.showModal();
  }

  /** Takes away what was sent, unless something else has been written since. */
  #clear() {
    if (this.#field.value === this.#sent) {
      this.#field.value = '';
      this.#measure();
    }
    this.#sent = null;
  }

  #measure() {
    const length = lengthOf(this.#field.value);
    setText(this.#count, length > MAX_WORDS - COUNT_FROM ? `${count(length)} of ${count(MAX_WORDS)} characters` : '');
    this.#count.classList.toggle('over', length > MAX_WORDS);
  }
}
