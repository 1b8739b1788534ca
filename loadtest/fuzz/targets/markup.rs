//! Messages with markup: whatever is written, only the allowed tags and attributes come out.
#![no_main]

use connection_node::markup::render;
use libfuzzer_sys::fuzz_target;

/// Everything that a message may look like.
const TAGS: [&str; 16] = [
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "u",
    "ul",
];
/// All that a link may say.
const REL: &str = " rel=\"noopener noreferrer nofollow\"";

fuzz_target!(|content: &str| {
    let Some(html) = render(content) else { return };
    assert!(!html.trim().is_empty());
    assert!(html.len() <= 64 * content.len() + 1_024, "{} bytes of {content:?}", html.len());
    let mut rest = html.as_str();
    while let Some((_, tag)) = rest.split_once('<') {
        let (tag, after) =
            tag.split_once('>').unwrap_or_else(|| panic!("a tag has no end: {html}"));
        check(tag, &html);
        rest = after;
    }
    assert_eq!(Some(&html), render(content).as_ref(), "the same twice");
});

fn check(tag: &str, html: &str) {
    let bare = tag.strip_prefix('/').unwrap_or(tag);
    let (name, attributes) = bare.split_at(bare.find(' ').unwrap_or(bare.len()));
    assert!(TAGS.contains(&name), "<{tag}> in {html}");
    if attributes.is_empty() {
        return;
    }
    assert!(name == "a" && !tag.starts_with('/'), "<{tag}> in {html}");
    let Some(link) = attributes.strip_suffix(REL) else { panic!("<{tag}> in {html}") };
    if link.is_empty() {
        return;
    }
    let target = link.strip_prefix(" href=\"").and_then(|link| link.strip_suffix('"'));
    let target = target.unwrap_or_else(|| panic!("<{tag}> in {html}"));
    let scheme = target.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let allowed = matches!(scheme.as_deref(), Some("http" | "https" | "mailto"));
    assert!(allowed && !target.contains('"'), "<{tag}> in {html}");
}
