//! `html`: what a message looks like where its content holds markup.
//!
//! Owns the rendering (CommonMark, inline HTML included) and the allow-list through which all of it
//! passes. Plain text has no `html`: clients show `content` as it is.

use std::{collections::HashSet, sync::LazyLock};

use ammonia::Builder;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

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

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(TAGS))
        // By default any tag may have a title and a language.
        .generic_attributes(HashSet::new())
        .tag_attributes([("a", HashSet::from(["href"]))].into())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::Deny)
        // Browsers pass over some of these in a URL, others do not: what it names is in doubt.
        .attribute_filter(|_, name, value| {
            let doubtful = |char: char| char.is_control() || char.is_whitespace();
            (name != "href" || !value.contains(doubtful)).then_some(value.into())
        })
        .link_rel(Some("noopener noreferrer nofollow"))
        .clean_content_tags(HashSet::from(["script", "style"]));
    builder
});

/// Whether a look is worth its while: most messages are plain, and this is a thousandth of the work.
fn may_be_marked(content: &str) -> bool {
    let lists = |line: &str| {
        line.trim_start().starts_with(|first: char| first.is_ascii_digit() || "-+".contains(first))
    };
    content.contains(['<', '*', '_', '`', '[', '~', '>', '\\', '&']) || content.lines().any(lists)
}

/// A sanitised rendering of `content`; `None` where it would show nothing but the text itself.
pub fn render(content: &str) -> Option<String> {
    if may_be_marked(content) { marked(content) } else { None }
}

fn marked(content: &str) -> Option<String> {
    let mut is_marked = false;
    let events = Parser::new_ext(content, Options::ENABLE_STRIKETHROUGH)
        .filter_map(|event| shown(event, &mut is_marked))
        .collect::<Vec<_>>();
    if !is_marked {
        return None;
    }
    let mut html = String::with_capacity(content.len() * 2);
    pulldown_cmark::html::push_html(&mut html, events.into_iter());
    let clean = SANITIZER.clean(&html).to_string();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

/// What of CommonMark a chat shows: no headings, rules, tables or images, and line breaks as typed.
fn shown<'a>(event: Event<'a>, is_marked: &mut bool) -> Option<Event<'a>> {
    let event = match event {
        Event::Start(Tag::Heading { .. } | Tag::Image { .. }) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::Heading(_) | TagEnd::Image) => Event::End(TagEnd::Paragraph),
        Event::SoftBreak => Event::HardBreak,
        Event::Rule => return None,
        event => event,
    };
    *is_marked |= match &event {
        Event::Text(_) | Event::HardBreak | Event::End(_) => false,
        Event::Start(tag) => !matches!(tag, Tag::Paragraph),
        _ => true,
    };
    Some(event)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The look at what may be marked passes over nothing but text that is indented.
        #[test]
        fn what_is_not_looked_at_is_plain(content in "[a1 .)+=#!:|\n-]{0,24}") {
            let indented = content.lines().any(|line| line.starts_with("    "));
            if !indented && !may_be_marked(&content) {
                prop_assert_eq!(marked(&content), None);
            }
        }
    }

    #[test]
    fn plain_text_has_no_html() {
        for content in
            ["hello", "2 > 1 - yes.", "a_b_c", "snake_case.txt", "1 * 2", "x\ny", "🐦", "<"]
        {
            assert_eq!(render(content), None, "{content:?}");
        }
    }

    #[test]
    fn a_link_whose_target_is_in_doubt_leads_nowhere() {
        for content in ["<a href=\"&#1;http://x\">y</a>", "<a href=\" http://x\">y</a>"] {
            let html = render(content).unwrap();
            assert_eq!(html, "<p><a rel=\"noopener noreferrer nofollow\">y</a></p>");
        }
        let html = render("[y](http://x/%20z)").unwrap();
        assert!(html.contains("href=\"http://x/%20z\" rel="), "{html}");
    }

    #[test]
    fn markup_is_rendered() {
        for (content, html) in [
            ("**bold**", "<p><strong>bold</strong></p>"),
            ("<b>bold</b>", "<p><b>bold</b></p>"),
            ("`x < y`", "<p><code>x &lt; y</code></p>"),
            ("~~no~~", "<p><del>no</del></p>"),
            ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
            (
                "[s](https://example.org)",
                "<p><a href=\"https://example.org\" rel=\"noopener noreferrer nofollow\">s</a></p>",
            ),
            (
                "[s](mailto:a@b.c \"said by nobody\") <b lang=x title=y>b</b>",
                "<p><a href=\"mailto:a@b.c\" rel=\"noopener noreferrer nofollow\">s</a> <b>b</b></p>",
            ),
        ] {
            assert_eq!(render(content).as_deref(), Some(html));
        }
    }

    #[test]
    fn nothing_dangerous_passes() {
        for content in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<b onclick=alert(1)>x</b>",
            "[x](javascript:alert(1))",
            "<a href=\"data:text/html,x\">x</a>",
            "<iframe src=//evil></iframe>",
            "<svg/onload=alert(1)>",
            "![x](https://tracker.example/p.png)",
            "<style>*{display:none}</style>",
            "<p style=position:fixed>x</p>",
            "<form action=//evil><input></form>",
        ] {
            let html = render(content).unwrap_or_default().to_lowercase();
            for bad in
                ["script", "onerror", "onclick", "onload", "data:", "<i", "<svg", "style", "<form"]
            {
                assert!(!html.contains(bad), "{content:?} became {html:?}");
            }
        }
    }

    proptest! {
        /// Cleaning twice changes nothing: what comes out holds only what the allow-list lets through.
        #[test]
        fn output_is_clean(content in "[a-z<>/*_`\\[\\]()!&;:='\" \n]{0,80}") {
            if let Some(html) = render(&content) {
                let again = SANITIZER.clean(&html).to_string();
                prop_assert_eq!(again.trim(), html);
            }
        }
    }
}
