// The whole desk: hands what an administrator does to the desk, and draws its state once a frame.

import { linkName, linkWords } from '../../model/link-state.js';
import { asSentence } from '../../model/plain-text.js';
import { timeWords } from '../../model/clock-words.js';
import { byId, make, reconcile, setText } from '../../view/dom.js';
import { deskAdvice } from '../model/desk.js';
import { AnnounceForm } from './announce-form.js';
import { FiguresView } from './figures.js';
import { StatsTables } from './stats-tables.js';
import { UserForm } from './user-form.js';

export class DeskView {
  #desk;
  #page = byId('desk');
  #connection = byId('connection');
  #connectionWords = byId('connection-words');
  #strip = byId('strip');
  #stripWords = byId('strip-words');
  #tryNow = byId('try-now');
  #deeds = byId('deeds');
  #deedElements = new Map();
  #views;
  #scheduled = false;

  /**
   * @param {import('../model/desk.js').Desk} desk
   * @param {object} wants
   * @param {(step: Function) => void} wants.run takes steps of the desk
   * @param {() => void} wants.tryNow
   * @param {() => void} wants.signOut
   */
  constructor(desk, { run, tryNow, signOut }) {
    this.#desk = desk;
    const order = (form, what) => run((value, now) => value.order(form, what, now));
    this.#views = [
      new FiguresView(),
      new StatsTables(),
      new AnnounceForm({ order: (what) => order('announce', what) }),
      new UserForm({ order: (what) => order('user', what) }),
    ];
    this.#tryNow.addEventListener('click', tryNow);
    byId('sign-out').addEventListener('click', signOut);
    document.addEventListener('visibilitychange', () => run((value, now) => value.attend(!document.hidden, now)));
  }

  /** Shows the desk in place of the way in. */
  enter() {
    setText(byId('self-name'), this.#desk.me.username);
    this.#page.hidden = false;
    this.#render();
    byId('announce-text').focus({ preventScroll: true });
  }

  /** Something changed: draws with the next frame. */
  changed() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (document.hidden) setTimeout(() => this.#render(), 50);
    else requestAnimationFrame(() => this.#render());
  }

  #render() {
    this.#scheduled = false;
    this.#renderLink();
    this.#renderDeeds();
    for (const view of this.#views) view.render(this.#desk);
  }

  #renderLink() {
    const { link } = this.#desk;
    this.#page.dataset.link = linkName(link);
    this.#connection.dataset.state = linkName(link);
    setText(this.#connectionWords, linkWords(link));
    const advice = deskAdvice(this.#desk);
    this.#strip.hidden = advice === '';
    this.#strip.classList.toggle('sent-away', link.why !== '');
    setText(this.#stripWords, asSentence(advice));
    this.#tryNow.hidden = link.phase !== 'offline' && link.phase !== 'ended';
    setText(this.#tryNow, link.phase === 'ended' ? 'Try again' : 'Try now');
  }

  #renderDeeds() {
    const { deeds } = this.#desk;
    byId('deeds-card').hidden = deeds.length === 0;
    reconcile(this.#deeds, deeds, { key: ({ key }) => key, create: deedElement, update: () => {} }, this.#deedElements);
  }
}

function deedElement({ time, good, words }) {
  return make('li', { class: good ? 'deed' : 'deed failed' }, [make('time', {}, [timeWords(time)]), make('bdi', {}, [words])]);
}
