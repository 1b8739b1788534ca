// Words on files: what could not be sent, above where one writes; how it goes, for those who do not see the bars.

import { byId, make, setText } from './dom.js';

export class FileNotices {
  #strip = byId('refusals');
  #words = byId('refusals-words');
  #news = byId('file-news');
  #refusals = null;
  #told = null;

  /** @param {{ dismiss: () => void }} wants */
  constructor({ dismiss }) {
    byId('refusals-close').addEventListener('click', dismiss);
  }

  render({ files }) {
    if (files.news !== this.#told) setText(this.#news, files.news?.text ?? '');
    this.#told = files.news;
    if (files.refusals === this.#refusals) return;
    this.#refusals = files.refusals;
    this.#strip.hidden = files.refusals.length === 0;
    this.#words.replaceChildren(...files.refusals.map((sentence) => make('p', {}, [sentence])));
  }
}
