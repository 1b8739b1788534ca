//! A system of real processes: it starts, and its parts are killed, paused, stopped and started again.
