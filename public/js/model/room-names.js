// Rooms by name: which names are legal, which are open here, which comes next.

/** Longest name, in bytes of UTF-8. */
export const MAX_ROOM_BYTES = 128;
/** The room that the server puts everyone into. */
export const DEFAULT_ROOM = 'general';
/** Rooms that one window keeps open at most. */
export const MAX_OPEN = 50;

/** What is wrong with a name, for people; null if nothing is. */
export function nameProblem(name) {
  if (name === '') return 'Give the room a name.';
  if (/\p{Cc}/u.test(name)) return 'A room’s name is a single line of text.';
  if (new TextEncoder().encode(name).length > MAX_ROOM_BYTES) return 'That name is too long: 128 bytes at most.';
  return null;
}

/** The room `step` places further, round the corner; null where nothing is open. */
export function neighbour(names, active, step) {
  if (names.length === 0) return null;
  const at = names.indexOf(active);
  return names[(Math.max(at, 0) + step + names.length) % names.length];
}

/** Which room to show after `closed` has gone: the next one, else the last. */
export function successor(names, closed) {
  const at = names.indexOf(closed);
  const rest = names.filter((name) => name !== closed);
  return rest[Math.min(at, rest.length - 1)] ?? null;
}
