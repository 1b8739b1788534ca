// What `stats` says, in words.

/** Every room belongs to one of so many partitions. */
export const PARTITIONS = 64;

export function count(value) {
  return value.toLocaleString('en');
}

/** "1 node", "3 nodes". */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** How many partitions have an owner, and what it means if not each has one. */
export function partitionWords({ partitions, workers }) {
  if (workers.length === 0) return 'No fan-out worker answers. Messages are stored, and delivered once there is one.';
  if (partitions < PARTITIONS) {
    return `${counted(PARTITIONS - partitions, 'partition has', 'partitions have')} no owner. A worker is being replaced; deliveries in their rooms wait for it.`;
  }
  if (partitions > PARTITIONS) return 'Some partitions have two owners for a moment. Nothing is shown twice.';
  return 'Every partition has its owner.';
}

/** @returns {boolean} whether somebody should look at it */
export function partitionsMissing({ partitions }) {
  return partitions < PARTITIONS;
}

export function lagWords({ lag }) {
  return lag === 0 ? 'Workers have read all of the log.' : 'Records of the log that workers have yet to read.';
}

/** "12 s", "5 min", "3 h 20 min", "12 d 4 h". */
export function uptimeWords(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
