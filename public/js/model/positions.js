// How far this window has seen each room: what it names on a reconnect, so that the server replays the rest.

/** The further of two positions; `null` is "never joined". */
export function advance(position, seq) {
  return Number.isSafeInteger(seq) && (position === null || seq > position) ? seq : position;
}

/**
 * `auth.rooms`: the rooms that were joined, each with the last sequence seen.
 * @param {Iterable<{ name: string, position: number | null }>} rooms
 * @returns {Record<string, number>} without a prototype, as a room may be called `__proto__`
 */
export function replayFrom(rooms) {
  const positions = Object.create(null);
  for (const { name, position } of rooms) if (position !== null) positions[name] = position;
  return positions;
}
