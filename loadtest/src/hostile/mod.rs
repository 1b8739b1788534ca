//! Hostile clients: thousands of malformed handshakes, frames and packets thrown at a node, beside
//! well-behaved clients who must not notice.
//!
//! | file | owns |
//! | --- | --- |
//! | `input` | one input, drawn from a seed |
//! | `http`, `frame`, `packet`, `attachment`, `payload`, `token` | what is wrong with it |
//! | `strike` | sending it, and what the node does |
//! | `bystanders` | the well-behaved: real JavaScript clients in a process of their own |
//! | `run` | a whole run |
//! | `summary` | what it showed |
//! | `cli` | the command line |

mod attachment;
pub mod bystanders;
pub mod cli;
mod deflated;
mod frame;
mod http;
pub mod input;
mod packet;
mod payload;
pub mod run;
pub mod strike;
pub mod summary;
mod token;
