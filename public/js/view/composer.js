// Where one writes: grows with the text, sends on Enter, keeps a draft for each room.

import { lengthOf, MAX_CONTENT } from '../model/plain-text.js';
import { byId, setAttribute, setText } from './dom.js';

/** From so many characters left on, the count is shown. */
const COUNT_FROM = 150;

export class ComposerView {
  #form = byId('composer');
  #field = byId('composer-text');
  #label = byId('composer-label');
  #count = byId('composer-count');
  #drafts = new Map();
  #room = null;
  #wants;

  /** @param {{ send: (text: string) => void, typed: () => void, stopped: () => void }} wants */
  constructor(wants) {
    this.#wants = wants;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#field.addEventListener('input', () => this.#changed());
    this.#field.addEventListener('blur', () => wants.stopped());
    this.#field.addEventListener('keydown', (event) => {
      // While an input method composes, Enter chooses its proposal (229 is what Safari says then).
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#send();
    });
  }

  render(chat) {
    const room = chat.activeRoom;
    this.#form.inert = room === null || room.phase === 'refused';
    if ((room?.name ?? null) === this.#room) return;
    if (this.#room !== null) this.#drafts.set(this.#room, this.#field.value);
    this.#room = room?.name ?? null;
    const words = room ? `Write to ${room.name}` : 'Join a room to write';
    setText(this.#label, words);
    this.#field.placeholder = words;
    this.#fill(this.#drafts.get(this.#room) ?? '');
  }

  focus() {
    this.#field.focus();
  }

  /** Puts text back for editing, before what may be there. */
  take(text) {
    this.#fill([text, this.#field.value].filter((part) => part !== '').join('\n'));
    this.focus();
  }

  #fill(text) {
    this.#field.value = text;
    this.#measure();
  }

  #changed() {
    this.#measure();
    if (this.#field.value.trim() === '') this.#wants.stopped();
    else this.#wants.typed();
  }

  #measure() {
    this.#field.style.height = 'auto';
    this.#field.style.height = `${this.#field.scrollHeight}px`;
    const left = MAX_CONTENT - lengthOf(this.#field.value.trim());
    const over = left < 0;
    const words = over ? `${-left} too many` : `${left} left`;
    setText(this.#count, left <= COUNT_FROM ? words : '');
    this.#count.classList.toggle('over', over);
    setAttribute(this.#field, 'aria-invalid', over ? 'true' : null);
    this.#form.classList.toggle('ready', this.#field.value.trim() !== '' && !over);
  }

  #send() {
    this.focus();
    const text = this.#field.value.trim();
    if (text === '' || lengthOf(text) > MAX_CONTENT) return;
    this.#fill('');
    this.#wants.send(text);
  }
}
