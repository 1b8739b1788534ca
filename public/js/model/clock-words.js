// Points in time as people say them.

const DAY = 86_400_000;

/** The local day of a time, as `2025-03-09`. */
export function dayOf(time) {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** "Today", "Yesterday", "Monday, 3 March", and with the year where it is another one. */
export function dayWords(time, now) {
  if (dayOf(time) === dayOf(now)) return 'Today';
  if (dayOf(time) === dayOf(startOfDay(now) - DAY / 2)) return 'Yesterday';
  const year = new Date(time).getFullYear() === new Date(now).getFullYear() ? undefined : 'numeric';
  return new Date(time).toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year });
}

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });

/** The time of day, in the reader's way of writing it. */
export function timeWords(time) {
  return timeFormat.format(time);
}

/** The time of day with its seconds. */
export function clockWords(time) {
  return new Date(time).toLocaleTimeString(undefined, { timeStyle: 'medium' });
}

/** Day and time in full, for a tooltip. */
export function momentWords(time) {
  return new Date(time).toLocaleString('en-GB', { dateStyle: 'full', timeStyle: 'medium' });
}

/** Day and time up to which something holds. */
export function deadlineWords(time) {
  return new Date(time).toLocaleString('en-GB', { dateStyle: 'full', timeStyle: 'short' });
}

function startOfDay(time) {
  const date = new Date(time);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

function two(number) {
  return String(number).padStart(2, '0');
}
