//! Which way up a picture is, by EXIF, and turning it.

/// Rows at a time: a transposition reads each cache line once, not once a pixel.
const BAND: usize = 8;

/// EXIF's eight values. A picture is to be shown after `transpose` (rows become columns), then mirrored
/// left to right (`mirror`), then top to bottom (`flip`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Orientation {
    transpose: bool,
    mirror: bool,
    flip: bool,
}

impl Orientation {
    /// From a TIFF structure, as EXIF is one. What cannot be read counts as upright.
    pub(super) fn from_exif(tiff: &[u8]) -> Self {
        exif::Reader::new()
            .read_raw(tiff.to_vec())
            .ok()
            .and_then(|data| {
                let field = data.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?;
                field.value.get_uint(0)
            })
            .map_or_else(Self::default, Self::from_value)
    }

    pub(super) fn from_value(value: u32) -> Self {
        let (transpose, mirror, flip) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { transpose, mirror, flip }
    }

    pub(super) fn is_upright(self) -> bool {
        self == Self::default()
    }

    /// The size of what was `width` x `height`.
    pub(super) fn size(self, width: u32, height: u32) -> (u32, u32) {
        if self.transpose { (height, width) } else { (width, height) }
    }

    /// Turns rows of `width` pixels of `size` bytes each.
    pub(super) fn turn(self, bytes: Vec<u8>, width: u32, height: u32, size: usize) -> Vec<u8> {
        if self.is_upright() {
            return bytes;
        }
        let (columns, rows) = (width as usize, height as usize);
        let (new_columns, new_rows) =
            if self.transpose { (rows, columns) } else { (columns, rows) };
        let mut turned = vec![0; bytes.len()];
        for band in (0..new_rows).step_by(BAND) {
            let end = (band + BAND).min(new_rows);
            for column in 0..new_columns {
                for row in band..end {
                    let x = if self.mirror { new_columns - 1 - column } else { column };
                    let y = if self.flip { new_rows - 1 - row } else { row };
                    let (x, y) = if self.transpose { (y, x) } else { (x, y) };
                    let (from, to) =
                        ((y * columns + x) * size, (row * new_columns + column) * size);
                    turned[to..to + size].copy_from_slice(&bytes[from..from + size]);
                }
            }
        }
        turned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_orientations() {
        // Stored as  1 2 3   The value of EXIF names where the stored first row and first column are
        //            4 5 6   in the picture as it is to be shown.
        let table: [(u32, (u32, u32), [u8; 6]); 9] = [
            (1, (3, 2), [1, 2, 3, 4, 5, 6]),
            (2, (3, 2), [3, 2, 1, 6, 5, 4]), // top, right
            (3, (3, 2), [6, 5, 4, 3, 2, 1]), // bottom, right
            (4, (3, 2), [4, 5, 6, 1, 2, 3]), // bottom, left
            (5, (2, 3), [1, 4, 2, 5, 3, 6]), // left, top
            (6, (2, 3), [4, 1, 5, 2, 6, 3]), // right, top
            (7, (2, 3), [6, 3, 5, 2, 4, 1]), // right, bottom
            (8, (2, 3), [3, 6, 2, 5, 1, 4]), // left, bottom
            (99, (3, 2), [1, 2, 3, 4, 5, 6]),
        ];
        for (value, size, expected) in table {
            let orientation = Orientation::from_value(value);
            assert_eq!(orientation.size(3, 2), size, "{value}");
            assert_eq!(orientation.turn(vec![1, 2, 3, 4, 5, 6], 3, 2, 1), expected, "{value}");
            let wide: Vec<u8> = expected.iter().flat_map(|&pixel| [pixel; 3]).collect();
            let stored = [1, 2, 3, 4, 5, 6].iter().flat_map(|&pixel| [pixel; 3]).collect();
            assert_eq!(orientation.turn(stored, 3, 2, 3), wide, "{value}");
        }
    }
}
