// The ways in for files: the paper clip, the clipboard, and dropping them on the conversation.

import { ACCEPT } from '../model/attachable.js';
import { byId, setText } from './dom.js';

/** What browsers call a picture that has no name. */
const NAMELESS = /^image\.(png|jpe?g|gif|webp)$/i;

export class AttachView {
  #conversation = byId('conversation');
  #button = byId('attach');
  #input = byId('attach-input');
  #drop = byId('drop');
  #dropWords = byId('drop-words');
  #room = null;
  #attach;

  /** @param {{ attach: (files: File[]) => void }} wants */
  constructor({ attach }) {
    this.#attach = attach;
    this.#input.accept = ACCEPT;
    this.#button.addEventListener('click', () => this.#input.click());
    this.#input.addEventListener('change', () => {
      this.#give([...this.#input.files]);
      // The same file may be chosen again.
      this.#input.value = '';
    });
    document.addEventListener('paste', (event) => this.#pasted(event));
    this.#listenForDrops();
  }

  render(chat) {
    const room = chat.activeRoom;
    this.#room = room !== null && room.phase !== 'refused' ? room.name : null;
  }

  #give(files) {
    if (this.#room !== null && files.length > 0) this.#attach(files);
  }

  /** Word processors put a picture of the text beside the text: then it is the text that is meant. */
  #pasted(event) {
    const { files, types } = event.clipboardData;
    if (files.length === 0 || types.includes('text/plain') || this.#conversation.inert || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    this.#give([...files].map(named));
  }

  #listenForDrops() {
    const holdsFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files');
    const within = ({ target }) => this.#room !== null && this.#conversation.contains(target);
    window.addEventListener('dragover', (event) => {
      if (!holdsFiles(event)) return;
      // Anywhere else the browser would leave the page for the file.
      event.preventDefault();
      event.dataTransfer.dropEffect = within(event) ? 'copy' : 'none';
      this.#invite(this.#room !== null);
    });
    window.addEventListener('dragleave', ({ relatedTarget }) => {
      if (relatedTarget === null) this.#invite(false);
    });
    window.addEventListener('drop', (event) => {
      this.#invite(false);
      if (!holdsFiles(event)) return;
      event.preventDefault();
      if (within(event)) this.#give([...event.dataTransfer.files]);
    });
  }

  #invite(open) {
    if (open) setText(this.#dropWords, `Drop to send to ${this.#room}`);
    this.#drop.hidden = !open;
  }
}

function named(file) {
  if (!NAMELESS.test(file.name)) return file;
  return new File([file], file.name.replace(/^image/i, 'Pasted picture'), { type: file.type });
}
