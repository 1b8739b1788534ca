//! What a process tells on `GET /metrics`, in the text format of Prometheus.

use anyhow::{Context as _, ensure};
use http::{Request, Uri};
use http_body_util::Full;

use crate::http_exchange;

/// The samples of one scrape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Metrics {
    /// Asks the process at `base`.
    ///
    /// # Errors
    /// When it does not answer with metrics.
    pub async fn scrape(base: &Uri) -> anyhow::Result<Self> {
        let url = format!("{}/metrics", base.to_string().trim_end_matches('/'));
        let request = Request::get(&url).body(Full::default())?;
        let (status, body) = http_exchange::send(request).await?;
        ensure!(status == 200, "{url} answered {status}; expected 200 and metrics");
        let text = std::str::from_utf8(&body).with_context(|| format!("{url} is no text"))?;
        Self::parse(text).with_context(|| format!("{url} cannot be read"))
    }

    /// Reads the text format, that of `OpenMetrics` too; comments, timestamps and exemplars are left out.
    ///
    /// # Errors
    /// When a line is no sample, which it then names.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let samples = lines.filter(|line| !line.starts_with('#')).map(|line| {
            Sample::parse(line).with_context(|| format!("this line is no sample: {line}"))
        });
        Ok(Self { samples: samples.collect::<Result<_, _>>()? })
    }

    /// The sum over all labels of the samples called `name`; `None` where there is none.
    #[must_use]
    pub fn sum(&self, name: &str) -> Option<f64> {
        self.total(|sample| sample.name == name)
    }

    /// The sum of the samples called `name` whose label `label` has the value `value`.
    #[must_use]
    pub fn with_label(&self, name: &str, label: &str, value: &str) -> Option<f64> {
        let fits = |(key, text): &(String, String)| key == label && text == value;
        self.total(|sample| sample.name == name && sample.labels.iter().any(fits))
    }

    fn total(&self, wanted: impl Fn(&&Sample) -> bool) -> Option<f64> {
        self.samples
            .iter()
            .filter(wanted)
            .map(|sample| sample.value)
            .reduce(|sum, value| sum + value)
    }
}

impl Sample {
    /// `name{label="value",...} number`, with more behind it or not.
    fn parse(line: &str) -> Option<Self> {
        let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
        let (name, mut rest) = line.split_at(end);
        let mut labels = Vec::new();
        if let Some(mut inside) = rest.strip_prefix('{') {
            loop {
                inside = inside.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
                if let Some(behind) = inside.strip_prefix('}') {
                    rest = behind;
                    break;
                }
                let (label, quoted) = inside.split_once("=\"")?;
                let (value, behind) = unquote(quoted)?;
                labels.push((label.trim().to_owned(), value));
                inside = behind;
            }
        }
        let value = rest.split_whitespace().next()?.parse().ok()?;
        (!name.is_empty()).then(|| Self { name: name.to_owned(), labels, value })
    }
}

/// The value of a label up to its closing quote, without its escapes, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            plain => value.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# HELP sent Messages that were sent.
# TYPE sent counter
# UNIT sent messages
sent_total{room="a b",why="say \"}\" \\ \n"} 3 # {trace_id="x"} 1.0 1700000000.5
sent_total{room="b",} 4.5 1700000000
queue 0
wait_bucket{le="+Inf"} 7
lag{} +Inf
odd NaN
# EOF
"#;

    #[test]
    fn samples_are_summed_by_name_and_label() {
        let metrics = Metrics::parse(TEXT).unwrap();
        assert_eq!(metrics.sum("sent_total"), Some(7.5));
        assert_eq!(metrics.with_label("sent_total", "room", "a b"), Some(3.0));
        assert_eq!(metrics.with_label("sent_total", "why", "say \"}\" \\ \n"), Some(3.0));
        assert_eq!(metrics.with_label("wait_bucket", "le", "+Inf"), Some(7.0));
        assert_eq!(metrics.sum("queue"), Some(0.0));
        assert_eq!(metrics.sum("lag"), Some(f64::INFINITY));
        assert!(metrics.sum("odd").unwrap().is_nan());
        assert_eq!(metrics.sum("sent"), None);
        assert_eq!(metrics.with_label("sent_total", "room", "c"), None);
    }

    #[test]
    fn what_is_no_sample_is_named() {
        for line in ["lonely", "name{a=\"b\" 1", "name{a=b} 1", "name one", "{a=\"b\"} 1"] {
            let refusal = format!("{:#}", Metrics::parse(line).unwrap_err());
            assert!(refusal.contains(line), "{refusal}");
        }
    }
}
