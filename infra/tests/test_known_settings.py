"""What is read of the services' sources: that the right names are found, and that each kind of fault is."""

import sys
import tempfile
import unittest
from pathlib import Path

INFRA = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(INFRA))

from known_settings import PREFIXES, PROGRAMS, faults, metrics, settings, unknown_metrics  # noqa: E402

CONFIG = """
#[derive(clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub nats: NatsArgs,

    /// A comment with #[arg(env = "COMMENT")].
    #[arg(long, env = "NEEDED", hide_env_values = true)]
    pub needed: String,

    #[arg(long, env = "OF_LINES", default_value_t = 1 << 20,
          value_parser = clap::value_parser!(u64).range(1_024..))]
    pub of_lines: u64,

    #[arg(long, env = "HERE", default_value = "http://127.0.0.1:1")]
    pub here: Url,

    #[arg(long, env = "OF_ITS_TYPE", value_enum, default_value_t)]
    pub of_its_type: Format,

    #[arg(long, env = "PERHAPS")]
    pub(crate) perhaps: Option<String>,
}

#[cfg(test)]
mod tests {
    struct Config {
        #[arg(env = "OF_A_TEST")]
        of_a_test: String,
    }
}
"""
SHELL = """
struct Cli<C: Args> {
    #[arg(long, env = "LISTEN")]
    listen: SocketAddr,
    #[command(flatten)]
    config: C,
}
pub struct NatsArgs {
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,
    #[arg(long, env = "NATS_CA_FILE")]
    pub nats_ca_file: Option<PathBuf>,
}
pub struct TokenArgs {
    #[arg(long, env = "JWT_SECRET")]
    pub jwt_secret: Option<Secret>,
}
"""
METRICS = """
type Count = Counter<u64, AtomicU64>;
pub struct Metrics {
    registry: Registry,
    jobs: Family<Label, Count>,
    pub level: Gauge,
}
struct Other {
    jobs: Gauge,
}
fn made() {
        Self {
            jobs: add(registry, "jobs", "Jobs"),
            level: add(
                registry,
                "level",
                "A level",
            ),
        }
}
"""


class OfSources(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("fanout-worker", "config.rs", CONFIG)
        self.write("fanout-worker", "metrics.rs", METRICS)
        self.write("infra/service-shell", "nats.rs", SHELL)

    def write(self, crate, name, text):
        (self.root / crate / "src").mkdir(parents=True, exist_ok=True)
        (self.root / crate / "src" / name).write_text(text)

    def faults(self, *names, deployed=False):
        return list(faults(self.root, "fanout-worker", names, deployed))

    def test_settings(self):
        known = settings(self.root, "fanout-worker")
        self.assertEqual(set(known), {"LISTEN", "NATS_URL", "NATS_CA_FILE", "NEEDED", "OF_LINES", "OF_ITS_TYPE", "HERE", "PERHAPS"})
        self.assertEqual([name for name in sorted(known) if known[name].required], ["NEEDED"])
        self.assertEqual([name for name in sorted(known) if known[name].local], ["HERE", "NATS_URL"])

    def test_faults(self):
        enough = ["NATS_URL", "NEEDED", "HERE"]
        self.assertEqual(self.faults(*enough, "PERHAPS", "LISTEN"), [])
        for wrong in ("RUST_BACKTRACE", "OF_A_TEST", "COMMENT", "JWT_SECRET"):
            self.assertEqual(self.faults(*enough, wrong), [f"fanout-worker is told {wrong}, which it does not know"])
        for missing, sentence in {"NEEDED": "does not start", "HERE": "its own machine", "NATS_URL": "its own machine"}.items():
            found = self.faults(*(name for name in enough if name != missing))
            self.assertEqual(len(found), 1)
            self.assertIn(missing, found[0])
            self.assertIn(sentence, found[0])
        self.assertEqual(self.faults(*enough, deployed=True), ["fanout-worker is not told NATS_CA_FILE"])

    def test_tokens_need_one_of_three(self):
        self.write("fanout-worker", "config.rs", CONFIG.replace("nats: NatsArgs", "tokens: crate::TokenArgs"))
        self.assertEqual(self.faults("NEEDED", "HERE", "JWT_SECRET"), [])
        self.assertEqual(self.faults("NEEDED", "HERE"), ["fanout-worker is told none of JWT_SECRET, JWT_PUBLIC_KEY_FILE, JWT_JWKS_URL"])

    def test_what_cannot_be_read_is_an_end(self):
        self.write("fanout-worker", "config.rs", CONFIG.replace("pub needed: String", "pub needed:\n        String"))
        with self.assertRaisesRegex(SystemExit, "of 5 settings of Config"):
            settings(self.root, "fanout-worker")
        self.write("fanout-worker", "config.rs", CONFIG.replace("NatsArgs", "Elsewhere"))
        with self.assertRaisesRegex(SystemExit, "the struct Elsewhere"):
            settings(self.root, "fanout-worker")
        self.write("fanout-worker", "metrics.rs", METRICS.replace("level: add", "other: add"))
        with self.assertRaisesRegex(SystemExit, "cannot tell what level"):
            metrics(self.root, "fanout-worker", "x_")

    def test_metrics(self):
        self.assertEqual(metrics(self.root, "fanout-worker", "x_"), {"x_jobs_total", "x_level"})
        names = ["starling_worker_jobs_total", "starling_worker_jobs", "starling_worker_level_total", "other"]
        self.assertEqual(unknown_metrics(self.root, names), ["starling_worker_jobs", "starling_worker_level_total"])

    def test_the_services_can_be_read(self):
        root = INFRA.parent
        for program in PROGRAMS:
            self.assertIn("NATS_URL", settings(root, program))
        for prefix, crate in PREFIXES.items():
            self.assertIn("starling_", min(metrics(root, crate, prefix)))


if __name__ == "__main__":
    unittest.main()
