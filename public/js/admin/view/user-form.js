// Kicking, banning and letting back in one user.

import { byId, make } from '../../view/dom.js';
import { ban, BAN_LENGTHS, kick, unban } from '../model/order.js';
import { rest, showOutcome } from './outcome.js';

export class UserForm {
  #userId = byId('user-id');
  #reason = byId('user-reason');
  #length = byId('ban-length');
  #outcome = byId('user-outcome');
  #buttons = ['kick', 'ban', 'unban'].map(byId);
  #drawn = null;

  /** @param {{ order: (order: import('../model/order.js').Order) => void }} wants */
  constructor({ order }) {
    this.#length.append(...BAN_LENGTHS.map(({ words }, at) => make('option', { value: String(at) }, [words])));
    const orders = {
      kick: (userId) => kick(userId, this.#reason.value),
      ban: (userId) => ban(userId, this.#reason.value, BAN_LENGTHS[Number(this.#length.value)].seconds),
      unban: (userId) => unban(userId),
    };
    // Enter in a field does nothing: which of the three it means cannot be told.
    byId('user').addEventListener('submit', (event) => event.preventDefault());
    for (const button of this.#buttons) {
      button.addEventListener('click', () => {
        const userId = this.#userId.value.trim();
        order(orders[button.id](userId));
        if (userId === '') this.#userId.focus();
      });
    }
  }

  render({ forms: { user } }) {
    if (user === this.#drawn) return;
    this.#drawn = user;
    showOutcome(this.#outcome, user);
    rest(this.#buttons, user);
  }
}
