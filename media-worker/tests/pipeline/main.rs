//! The pipeline from outside: bytes in, renditions or a refusal out. All files are made here.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bombs;
mod colours;
mod formats;
mod make;
mod orientation;
mod privacy;
mod types;
mod voices;
