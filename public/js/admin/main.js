// Starts the administration page: finds out who one is, then puts the desk, its connection and its view together.

import { Line, loadClient } from '../link/line.js';
import { randomId } from '../link/random-id.js';
import { Runner } from '../link/runner.js';
import { profileShelf, windowShelf } from '../link/storage.js';
import { fetchToken, NoLocalLogin } from '../link/token.js';
import { claimsOf, personFor } from '../model/person.js';
import { startAppearance } from '../view/appearance.js';
import { ArrivalView } from '../view/arrival.js';
import { byId } from '../view/dom.js';
import { Desk } from './model/desk.js';
import { DeskView } from './view/desk-view.js';

/** `auth-error` to who is no administrator. */
const ADMIN_REQUIRED = 'Admin access required';

const arrival = new ArrivalView({ enter: enterByName, enterWithToken });

async function start() {
  startAppearance();
  byId('have-token').addEventListener('click', askForToken);
  const session = windowShelf.get('admin.session', null);
  const sentence = windowShelf.get('admin.sentence', '');
  windowShelf.drop('admin.sentence');
  if (session === null || sentence !== '') return arrival.show({ name: session?.username ?? profileShelf.get('name', ''), sentence });
  try {
    await (session.token ? enterWithToken(session.token) : enterAs(session));
  } catch (error) {
    arrival.show({ name: session.username, sentence: error.message });
  }
}

function askForToken() {
  byId('have-token').hidden = true;
  arrival.askForToken();
}

async function enterByName(username) {
  const { userId, people } = personFor(profileShelf.get('people', []), username, () => `u-${randomId()}`);
  if (await enterAs({ userId, username })) profileShelf.put('people', people);
}

/** With a token of the local stack's own login. @returns {Promise<boolean>} false if there is no such login */
async function enterAs(person) {
  const renew = () => fetchToken({ ...person, role: 'admin' });
  try {
    await open(person, { token: await renew(), renew }, 'Your session has ended. Enter again to go on.');
  } catch (error) {
    if (!(error instanceof NoLocalLogin)) throw error;
    askForToken();
    return false;
  }
  windowShelf.put('admin.session', person);
  return true;
}

/** The token is kept as long as this window, and nowhere else. */
async function enterWithToken(token) {
  const person = claimsOf(token);
  if (person === null) throw new Error('That is not a token of this kind: expected three parts with dots between them.');
  await open(person, { token, renew: null }, 'The server does not take this token: it has run out, or another server signed it. Paste a new one.');
  windowShelf.put('admin.session', { ...person, token });
}

/**
 * Resolves once the server has taken one for an administrator, or cannot say so now.
 * @param {{ token: string, renew: (() => Promise<string>) | null }} session
 * @param {string} ended what to say when the token is of no use any more
 * @throws {Error} with a sentence, where the server refuses
 */
async function open(me, session, ended) {
  const io = await loadClient();
  const desk = new Desk(me, Date.now());
  await new Promise((entered, refused) => {
    let view = null;
    let gone = false;
    const enter = () => {
      view = new DeskView(desk, { run, tryNow: () => line.tryNow(), signOut: () => signedOut('') });
      arrival.hide();
      view.enter();
      entered();
    };
    const runner = new Runner(desk, {
      emit: (...event) => line.emit(...event),
      files: () => {},
      save: () => {},
      changed: () => {
        if (gone) return;
        if (view) view.changed();
        else if (isSettled(desk)) enter();
      },
    });
    const run = (step) => runner.run(step);
    const turnedAway = (sentence) => {
      gone = true;
      line.close();
      if (view === null) refused(new Error(sentence));
      else signedOut(sentence);
    };
    const line = new Line(io, { namespace: '/admin', session, run, signedOut: () => turnedAway(ended) });
    line.on('auth-error', (value, { message }) => {
      if (message !== ADMIN_REQUIRED) return line.leave(value, message);
      turnedAway(`${message}. This token is not an administrator's: enter with one whose role is “admin”.`);
      return [];
    });
    line.open();
  });
}

/** The server tells who is no administrator right after the connection, before it answers anything. */
function isSettled({ stats, statsProblem, link }) {
  return stats !== null || statsProblem !== '' || link.attempts > 0 || link.phase === 'ended';
}

/** Back to the way in, on a fresh page. An empty sentence means that the person wanted it. */
function signedOut(sentence) {
  windowShelf.drop('admin.session');
  if (sentence !== '') windowShelf.put('admin.sentence', sentence);
  window.location.reload();
}

await start();
