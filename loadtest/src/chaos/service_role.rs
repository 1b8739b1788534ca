//! The services that this program can be: `chaos connection-node ...` and `chaos fanout-worker ...`.
