// A picture as large as it is, over the page: by keyboard from one to the next of the room, and saved if wanted.

import { save } from '../link/download.js';
import { savedName } from '../model/attachable.js';
import { momentWords } from '../model/clock-words.js';
import { safeAddress } from '../model/html-policy.js';
import { byId, setText } from './dom.js';

export class Viewer {
  #dialog = byId('viewer');
  #title = byId('viewer-title');
  #about = byId('viewer-about');
  #image = byId('viewer-image');
  #before = byId('viewer-before');
  #problem = byId('viewer-problem');
  #download = byId('viewer-download');
  #previous = byId('viewer-previous');
  #next = byId('viewer-next');
  #pictures = [];
  #at = 0;
  #opener = null;

  constructor() {
    byId('viewer-close').addEventListener('click', () => this.#dialog.close());
    byId('viewer-again').addEventListener('click', () => this.#show());
    this.#previous.addEventListener('click', () => this.#step(-1));
    this.#next.addEventListener('click', () => this.#step(1));
    this.#image.addEventListener('load', () => (this.#dialog.dataset.state = 'shown'));
    this.#image.addEventListener('error', () => this.#fail());
    this.#download.addEventListener('click', (event) => this.#save(event));
    this.#dialog.addEventListener('keydown', (event) => {
      // What lies below has keys of its own.
      event.stopPropagation();
      this.#step({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0);
    });
    // A press beside the picture.
    this.#dialog.addEventListener('click', ({ target }) => {
      if (target === this.#dialog || target.id === 'viewer-stage') this.#dialog.close();
    });
    this.#dialog.addEventListener('close', () => this.#closed());
  }

  /** @param {object[]} pictures the messages of the room that are pictures, in order */
  open(pictures, mediaId) {
    this.#pictures = pictures;
    this.#at = pictures.findIndex((picture) => picture.mediaId === mediaId);
    if (this.#at < 0) return;
    this.#opener = document.activeElement;
    this.#show();
    this.#dialog.showModal();
  }

  #step(step) {
    const to = this.#at + step;
    if (step === 0 || to < 0 || to >= this.#pictures.length) return;
    this.#at = to;
    this.#show();
  }

  #show() {
    const picture = this.#pictures[this.#at];
    const { filename, username, timestamp, url, thumbnailUrl, width, height } = picture;
    const name = filename || 'Picture';
    const place = this.#pictures.length > 1 ? `, ${this.#at + 1} of ${this.#pictures.length}` : '';
    setText(this.#title, name);
    setText(this.#about, `${username}, ${momentWords(Date.parse(timestamp))}${place}`);
    this.#previous.disabled = this.#at === 0;
    this.#next.disabled = this.#at === this.#pictures.length - 1;
    this.#dialog.dataset.state = 'loading';
    for (const image of [this.#image, this.#before]) {
      image.style.aspectRatio = width && height ? `${width} / ${height}` : '';
      image.style.setProperty('--width', width ? `${width}px` : 'none');
    }
    this.#image.alt = name;
    this.#download.href = safeAddress(url) ?? '';
    this.#before.hidden = safeAddress(thumbnailUrl) === null;
    this.#before.src = safeAddress(thumbnailUrl) ?? '';
    this.#image.src = safeAddress(url) ?? '';
  }

  #fail() {
    this.#dialog.dataset.state = 'broken';
    setText(this.#problem, `${this.#image.alt} did not load.`);
  }

  async #save(event) {
    event.preventDefault();
    const picture = this.#pictures[this.#at];
    const address = safeAddress(picture.url);
    if (address !== null && !(await save(address, savedName(picture)))) window.open(address, '_blank', 'noopener');
  }

  #closed() {
    // Nothing of it goes on loading.
    this.#image.removeAttribute('src');
    this.#before.removeAttribute('src');
    if (this.#opener?.isConnected) this.#opener.focus();
    this.#opener = null;
  }
}
