// On narrow screens the rooms and the people slide in over the conversation. One at a time; Escape closes it.

import { byId } from './dom.js';

export class Drawers {
  #page = byId('chat');
  #conversation = byId('conversation');
  #opener = null;

  constructor() {
    for (const name of ['rooms', 'people']) {
      const opener = byId(`show-${name}`);
      opener.addEventListener('click', () => this.#open(name, opener));
    }
    for (const button of document.querySelectorAll('.drawer-close')) button.addEventListener('click', () => this.close());
    byId('scrim').addEventListener('click', () => this.close());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#opener) this.close();
    });
    // Turned or widened, the page shows them beside the conversation again.
    window.matchMedia('(width < 70rem)').addEventListener('change', () => this.close());
    window.matchMedia('(width < 48rem)').addEventListener('change', () => this.close());
  }

  close() {
    if (!this.#opener) return;
    delete this.#page.dataset.drawer;
    this.#conversation.inert = false;
    this.#opener.setAttribute('aria-expanded', 'false');
    this.#opener.focus();
    this.#opener = null;
  }

  #open(name, opener) {
    this.close();
    this.#page.dataset.drawer = name;
    this.#opener = opener;
    opener.setAttribute('aria-expanded', 'true');
    this.#conversation.inert = true;
    byId(name).querySelector('.drawer-close').focus();
  }
}
