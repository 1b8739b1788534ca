//! A clock that jumps, for the processes that run under it.
