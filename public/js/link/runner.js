// Carries out what the chat decides: emits, saves, and wakes it when time is due.

/** An event without an ack after this many milliseconds is "not known to have happened". */
const ACK_WITHIN = 10_000;
/** Timers hold at most 31 bits of milliseconds. */
const LONGEST_SLEEP = 2_000_000_000;

export class Runner {
  #chat;
  #emit;
  #save;
  #changed;
  #timer = null;

  /**
   * @param {import('../model/chat.js').Chat} chat
   * @param {object} out
   * @param {(event: string, payload: object, answer?: (ack: object | null) => void, within?: number) => void} out.emit
   * @param {(part: string, chat: object) => void} out.save
   * @param {() => void} out.changed told after every step
   */
  constructor(chat, { emit, save, changed }) {
    this.#chat = chat;
    this.#emit = emit;
    this.#save = save;
    this.#changed = changed;
  }

  /**
   * One step: something happened, or a person wants something.
   * @param {(chat: import('../model/chat.js').Chat, now: number) => object[]} step
   */
  run(step) {
    const effects = step(this.#chat, Date.now());
    for (const part of new Set(effects.map((effect) => effect.save))) if (part) this.#save(part, this.#chat);
    for (const effect of effects) if (effect.emit) this.#carryOut(effect);
    this.#arm();
    this.#changed();
  }

  #carryOut({ emit, payload, answer }) {
    const heard = answer && ((ack) => this.run((_, now) => answer(ack, now)));
    this.#emit(emit, payload, heard, ACK_WITHIN);
  }

  #arm() {
    clearTimeout(this.#timer);
    const due = this.#chat.nextTick();
    if (due === null) return;
    const sleep = Math.min(Math.max(0, due - Date.now()), LONGEST_SLEEP);
    this.#timer = setTimeout(() => this.run((chat, now) => chat.tick(now)), sleep);
  }
}
