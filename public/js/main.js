// Starts the page: finds out who one is, then puts the chat, its connection and its view together.

import { Connection } from './link/connection.js';
import { HeldFiles } from './link/held-files.js';
import { loadClient } from './link/line.js';
import { mediaUrl } from './link/page-config.js';
import { randomId } from './link/random-id.js';
import { Runner } from './link/runner.js';
import { profileShelf, windowShelf } from './link/storage.js';
import { fetchToken, NoLocalLogin } from './link/token.js';
import { Uploads } from './link/uploads.js';
import { Chat } from './model/chat.js';
import { claimsOf, personFor, tokenInFragment } from './model/person.js';
import { DEFAULT_ROOM } from './model/room-names.js';
import { startAppearance } from './view/appearance.js';
import { ArrivalView } from './view/arrival.js';
import { ChatView } from './view/chat-view.js';

const arrival = new ArrivalView({ enter: enterByName, enterWithToken });

async function start() {
  startAppearance();
  const given = tokenInFragment(window.location.hash);
  // A token must not stay in the address bar, the history, or a copied link.
  if (given !== null) window.history.replaceState(null, '', window.location.pathname + window.location.search);
  const session = windowShelf.get('session', null);
  const sentence = windowShelf.get('sentence', '');
  windowShelf.drop('sentence');
  try {
    if (given !== null) return await enterWithToken(given);
    if (session !== null && sentence === '') return await resume(session);
    arrival.show({ name: profileShelf.get('name', ''), sentence });
  } catch (error) {
    arrival.show({ name: session?.username, sentence: error.message });
  }
}

function resume({ userId, username, token }) {
  return token ? enterWithToken(token) : enterAs({ userId, username });
}

async function enterByName(username) {
  const { userId, people } = personFor(profileShelf.get('people', []), username, () => `u-${randomId()}`);
  const entered = await enterAs({ userId, username });
  if (!entered) return;
  profileShelf.put('people', people);
  profileShelf.put('name', username);
}

/** With a token of the local stack's own login. @returns {Promise<boolean>} false if there is no such login */
async function enterAs(person) {
  const renew = () => fetchToken(person);
  try {
    const token = await renew();
    await open(person, { token, renew });
    windowShelf.put('session', person);
    return true;
  } catch (error) {
    if (!(error instanceof NoLocalLogin)) throw error;
    arrival.askForToken();
    return false;
  }
}

async function enterWithToken(token) {
  const person = claimsOf(token);
  if (person === null) throw new Error('That is not a token of this kind: expected three parts with dots between them.');
  await open(person, { token, renew: null });
  windowShelf.put('session', { ...person, token });
}

/** @param {{ token: string, renew: (() => Promise<string>) | null }} session */
async function open(me, session) {
  const io = await loadClient();
  const chat = new Chat({ me, ...remembered(me.userId) }, Date.now());
  const held = new HeldFiles();
  const uploads = new Uploads(session);
  let view = null;
  const runner = new Runner(chat, {
    emit: (...event) => connection.emit(...event),
    files: (effect, answer) => carryFile(effect, answer, { held, uploads, connection }),
    save: (part) => save(part, chat),
    changed: () => view?.changed(),
  });
  const run = (step) => runner.run(step);
  const connection = new Connection(io, { session, positions: () => chat.positions(), run, signedOut });
  view = new ChatView(chat, held, { run, tryNow: () => connection.tryNow(), signOut: () => signedOut('') });
  arrival.hide();
  view.enter();
  connection.open();
  uploads.base = await mediaUrl();
  run((value, now) => value.files.configured(uploads.base !== null, now));
}

/** Does what `model/files.js` wants done. */
function carryFile(effect, answer, { held, uploads, connection }) {
  const { emit, upload, file, payload, within, abort, keep, mediaId, drop } = effect;
  if (emit) void connection.emitFile(emit, held.fileOf(file).arrayBuffer(), payload, answer, within);
  if (upload) void uploads.start(effect, file === undefined ? null : held.fileOf(file), answer);
  if (abort) uploads.abort(abort);
  if (keep) held.keep(keep, mediaId);
  if (drop) held.drop(drop);
}

function remembered(userId) {
  const { rooms, active } = profileShelf.get(`rooms.${userId}`, { rooms: [DEFAULT_ROOM], active: DEFAULT_ROOM });
  return {
    rooms,
    active: windowShelf.get('active', active),
    reads: profileShelf.get(`reads.${userId}`, {}),
    outbox: windowShelf.get(`outbox.${userId}`, []),
  };
}

function save(part, chat) {
  const { userId } = chat.me;
  if (part === 'reads') profileShelf.put(`reads.${userId}`, Object.fromEntries(chat.reads));
  if (part === 'outbox') windowShelf.put(`outbox.${userId}`, chat.outgoing.entries);
  if (part !== 'rooms') return;
  profileShelf.put(`rooms.${userId}`, { rooms: [...chat.rooms.keys()], active: chat.active });
  windowShelf.put('active', chat.active);
}

/** Back to the way in, on a fresh page. An empty sentence means that the person wanted it. */
function signedOut(sentence) {
  windowShelf.drop('session');
  windowShelf.drop('active');
  if (sentence !== '') windowShelf.put('sentence', sentence);
  window.location.reload();
}

await start();
