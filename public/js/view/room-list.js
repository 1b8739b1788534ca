// The open rooms, what is unread in them, and the way into another one.

import { nameProblem } from '../model/room-names.js';
import { badge } from '../model/unread.js';
import { byId, icon, make, reconcile, setAttribute, setText } from './dom.js';

export class RoomListView {
  #list = byId('room-list');
  #form = byId('join');
  #field = byId('join-name');
  #problem = byId('join-problem');
  #elements = new Map();

  /** @param {{ select: (room: string) => void, leave: (room: string) => void, open: (room: string) => void }} wants */
  constructor(wants) {
    this.#list.addEventListener('click', ({ target }) => {
      const button = target.closest('button');
      if (!button) return;
      const { room } = button.closest('li').dataset;
      if (button.dataset.action === 'leave') this.#leave(room, wants.leave);
      else wants.select(room);
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#join(wants.open);
    });
    this.#field.addEventListener('input', () => this.#say(null));
  }

  render(chat) {
    const rooms = [...chat.rooms.values()];
    const how = { key: ({ name }) => name, create, update: (element, room) => update(element, room, chat) };
    reconcile(this.#list, rooms, how, this.#elements);
  }

  #join(open) {
    const name = this.#field.value.trim();
    const problem = nameProblem(name);
    this.#say(problem);
    if (problem) return this.#field.focus();
    this.#field.value = '';
    open(name);
  }

  /** Focus must not vanish with the room. */
  #leave(room, leave) {
    const item = this.#elements.get(room);
    const neighbour = item.nextElementSibling ?? item.previousElementSibling;
    leave(room);
    (neighbour?.querySelector('.room-open') ?? this.#field).focus();
  }

  #say(problem) {
    setText(this.#problem, problem ?? '');
    setAttribute(this.#field, 'aria-invalid', problem ? 'true' : null);
  }
}

function create({ name }) {
  return make('li', { class: 'room', 'data-testid': 'room', 'data-room': name }, [
    make('button', { type: 'button', class: 'room-open', 'data-action': 'select' }, [
      make('bdi', { class: 'room-name' }, [name]),
      make('span', { class: 'badge', 'data-testid': 'unread' }),
    ]),
    make('button', { type: 'button', class: 'room-leave', 'data-action': 'leave', 'aria-label': `Leave ${name}`, title: `Leave ${name}` }, [
      icon('close'),
    ]),
  ]);
}

function update(element, room, chat) {
  const [open] = element.children;
  const [, count] = open.children;
  const { count: unread } = room.unread;
  setAttribute(open, 'aria-current', room.name === chat.active ? 'true' : null);
  setAttribute(open, 'title', room.name);
  element.classList.toggle('has-unread', unread > 0);
  element.classList.toggle('refused', room.phase === 'refused');
  if (element.dataset.unread === String(unread)) return;
  element.dataset.unread = String(unread);
  count.replaceChildren(...(unread > 0 ? [badge(unread), make('span', { class: 'visually-hidden' }, [' unread'])] : []));
}
