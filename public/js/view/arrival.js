// The way in: a name, or a token where the deployment hands out its own; above it, the flock.

import { tidyName } from '../model/person.js';
import { byId, setAttribute, setText } from './dom.js';
import { Flock } from './flock.js';

export class ArrivalView {
  #page = byId('arrival');
  #nameForm = byId('name-form');
  #name = byId('name');
  #tokenForm = byId('token-form');
  #token = byId('token');
  #problem = byId('arrival-problem');
  #flock = null;

  /** @param {{ enter: (name: string) => Promise<void>, enterWithToken: (token: string) => Promise<void> }} wants */
  constructor({ enter, enterWithToken }) {
    setText(byId('arrival-node'), window.location.host);
    this.#name.addEventListener('input', () => this.#flock?.stir());
    this.#onSubmit(this.#nameForm, this.#name, 'Write the name that others will see.', enter);
    this.#onSubmit(this.#tokenForm, this.#token, 'Paste the token that you were given.', enterWithToken);
  }

  /** @param {{ name?: string, sentence?: string }} with_ a name to propose, and why one is here again */
  show({ name = '', sentence = '' } = {}) {
    if (this.#name.value === '') this.#name.value = name;
    this.#page.hidden = false;
    this.#say(sentence);
    this.#flock ??= new Flock(byId('arrival-flock'), {
      count: 1100,
      size: 1.8,
      reach: [0.19, 0.16],
      center: [0.68, 0.37],
    });
    this.#flock.fly();
    const field = this.#nameForm.hidden ? this.#token : this.#name;
    field.focus();
    field.select();
  }

  hide() {
    this.#page.hidden = true;
    this.#flock?.pause();
  }

  /** This deployment has no login of its own. */
  askForToken() {
    this.#nameForm.hidden = true;
    this.#tokenForm.hidden = false;
    this.show();
  }

  #onSubmit(form, field, missing, submit) {
    field.addEventListener('input', () => this.#say(''));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const value = tidyName(field.value);
      this.#say(value === '' ? missing : '', field);
      if (value === '') return field.focus();
      this.#page.classList.add('entering');
      try {
        await submit(value);
      } catch (error) {
        this.#say(error.message, field);
      } finally {
        this.#page.classList.remove('entering');
      }
    });
  }

  #say(sentence, field = null) {
    setText(this.#problem, sentence);
    for (const each of [this.#name, this.#token]) setAttribute(each, 'aria-invalid', sentence !== '' && each === field ? 'true' : null);
  }
}
