//! The rooms of this node, as pure decisions: who follows what, what is emitted when, what must be
//! read or told. [`port`] is the seam; the IO behind it is [`crate::hub`].

pub mod member;
pub mod packet;
pub mod port;
pub mod presence;
pub mod reports;
pub mod room;
pub mod roster;
pub mod shard;
pub mod window;

#[cfg(test)]
mod tests;
