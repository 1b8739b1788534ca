//! The pipeline from outside: bytes in, renditions or a refusal out. All files are made here.

mod bombs;
mod colours;
mod formats;
mod make;
mod orientation;
mod privacy;
mod types;
mod voices;
