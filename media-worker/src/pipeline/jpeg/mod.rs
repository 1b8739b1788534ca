//! JPEG: read and written by libjpeg-turbo (as part of mozjpeg), which both measured fastest.

mod decode;
mod encode;
mod header;

pub(super) use decode::decode;
pub(super) use encode::{planes as encode_planes, raster as encode_raster};
