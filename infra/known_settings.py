"""What a service's sources know by name: settings (`env = "NAME"`) and figures of /metrics."""

import re

# Read by libraries, not by a service's own settings.
OF_LIBRARIES = {"OTEL_EXPORTER_OTLP_ENDPOINT", "RUST_LOG"}
CRATES = {
    "connection-node": ["connection-node", "infra/service-shell"],
    "fanout-worker": ["fanout-worker", "infra/service-shell"],
    "media-worker": ["media-worker", "infra/service-shell"],
    "media-lambda": ["media-worker", "infra/service-shell"],
    "provision": ["infra/local", "infra/service-shell"],
}


def known_settings(root, service):
    """The names that `service` knows, by the sources under `root`."""
    names = set(OF_LIBRARIES)
    for crate in CRATES[service]:
        for source in (root / crate / "src").rglob("*.rs"):
            names |= set(re.findall(r'\benv\s*=\s*"([A-Z0-9_]+)"', source.read_text()))
    return names


def unknown_settings(root, service, names):
    """Those of `names` that the service would pass over in silence, sorted."""
    return sorted(set(names) - known_settings(root, service))


PREFIXES = {"starling_worker_": "fanout-worker", "starling_media_": "media-worker", "starling_": "connection-node"}


def unknown_metrics(root, names):
    """Those of `names` that no service tells, sorted: an alarm on one would never ring."""
    unknown = []
    for name in names:
        prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
        if prefix is None:
            continue  # Another program's.
        source = "".join(path.read_text() for path in (root / PREFIXES[prefix] / "src").rglob("*.rs"))
        if f'"{name.removeprefix(prefix).removesuffix("_total")}"' not in source:
            unknown.append(name)
    return sorted(unknown)
