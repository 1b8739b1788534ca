// What administrators announce: shown in every room until a person dismisses it.

/** More than so many at once would hide the conversation; the oldest give way. */
const MOST = 3;

/** The list with one more, which gets a key of its own: the same words may come twice. */
export function withAnnouncement(list, { content, timestamp, sender }) {
  const number = (list.at(-1)?.number ?? 0) + 1;
  return [...list, { key: `${timestamp} ${number}`, number, content, timestamp, sender }].slice(-MOST);
}
