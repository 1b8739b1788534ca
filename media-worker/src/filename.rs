//! A sender's name for a file, made harmless.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest name, in bytes of UTF-8.
const MAX_BYTES: usize = 255;

/// What RFC 8187 lets stand in an extended value.
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The last part of a path, without control characters and without those that turn the direction of
/// text, by which `gpj.exe` would show as `exe.jpg`; `None` where nothing is left.
pub(crate) fn clean(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut clean: String = name.chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    while clean.len() > MAX_BYTES {
        clean.pop();
    }
    let clean = clean.trim();
    (!clean.is_empty() && !clean.chars().all(|c| c == '.')).then(|| clean.to_owned())
}

fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `Content-Disposition` (RFC 6266) of a rendition: shown in place, and saved under the sender's name
/// with the extension of what it now is.
pub(crate) fn disposition(name: Option<&str>, extension: &str) -> String {
    let stem = name.map_or("file", |name| name.rsplit_once('.').map_or(name, |(stem, _)| stem));
    let stem = if stem.is_empty() { "file" } else { stem };
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_ ".contains(c) { c } else { '_' };
    let ascii: String = stem.chars().map(plain).collect();
    let full = format!("{stem}.{extension}");
    let extended = utf8_percent_encode(&full, ATTRIBUTE);
    format!("inline; filename=\"{ascii}.{extension}\"; filename*=UTF-8''{extended}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_harmless() {
        for (name, expected) in [
            ("cat.jpg", Some("cat.jpg")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\photos\\Katze 🐈.png", Some("Katze 🐈.png")),
            ("a\r\nSet-Cookie: x", Some("aSet-Cookie: x")),
            ("x\u{202e}gpj.exe", Some("xgpj.exe")),
            ("", None),
            ("..", None),
            ("dir/", None),
            (" \t ", None),
        ] {
            assert_eq!(clean(name).as_deref(), expected, "{name:?}");
        }
        assert_eq!(clean(&"ü".repeat(200)).unwrap().len(), 254);
    }

    #[test]
    fn dispositions_hold_nothing_but_ascii_and_no_quote() {
        for (name, expected) in [
            (Some("cat.png"), "inline; filename=\"cat.jpg\"; filename*=UTF-8''cat.jpg"),
            (None, "inline; filename=\"file.jpg\"; filename*=UTF-8''file.jpg"),
            (
                Some("ä\"; x=\"1.png"),
                "inline; filename=\"___ x__1.jpg\"; filename*=UTF-8''%C3%A4%22%3B%20x%3D%221.jpg",
            ),
            (Some(".png"), "inline; filename=\"file.jpg\"; filename*=UTF-8''file.jpg"),
        ] {
            assert_eq!(disposition(name, "jpg"), expected);
        }
    }
}
