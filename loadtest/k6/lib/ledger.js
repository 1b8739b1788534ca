// Which messages one member of a room has got, held against what was said there.
//
// Each sender of a room numbers its messages from 0, and says as many as every member knows it will. So
// each member counts for itself what is lost, what came twice, and what came in another order than `seq`.

/** What one member has got of one room. */
export class Ledger {
  /** @param {number} senders @param {number} each how many messages each of them says */
  constructor(senders, each) {
    this.expected = senders * each;
    this.got = {};
    this.count = 0;
    this.duplicates = 0;
    this.reordered = 0;
    /** The position in the room's log that has been reached. */
    this.seq = 0;
  }

  /** Counts a message; true if it was not there before. */
  take({ seq, content }) {
    const { from, number } = JSON.parse(content);
    const key = `${from}/${number}`;
    if (this.got[key]) {
      this.duplicates += 1;
      return false;
    }
    this.got[key] = true;
    this.count += 1;
    if (seq <= this.seq) this.reordered += 1;
    else this.seq = seq;
    return true;
  }

  /** Everything before this position is known. */
  reached(seq) {
    this.seq = Math.max(this.seq, seq);
  }

  get complete() {
    return this.count >= this.expected;
  }

  get lost() {
    return Math.max(0, this.expected - this.count);
  }
}
