//! Chaos: a Starling of real processes, parts of which are killed, paused, cut off and restarted while
//! many clients talk; and the reckoning whether every guarantee held.
