#!/usr/bin/env python3
"""Whether every metric that the dashboard, the alerts and their tests name is one that a service tells.

`check_names.py [URL...]`. Names come from the services' own sources, where each is registered in one of
three ways; what cannot be read there is an error, never a guess. With URLs of running services' /metrics,
the labels are held against those really told as well; what nobody has counted yet is named, for it has none.
"""

import json
import re
import sys
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SOURCES = ["connection-node/src/metrics/mod.rs", "fanout-worker/src/metrics.rs", "media-worker/src/metrics.rs"]
KINDS = {"Histogram": ["_bucket", "_sum", "_count"], "Count": ["_total"], "Level": [""], "Gauge": [""]}


def told_by(path):
    """The series names that one service tells, from its source."""
    text = (ROOT / path).read_text().split("#[cfg(test)]")[0]
    prefix = re.search(r'with_prefix\("(\w+)"\)', text) or re.search(r'const PREFIX: &str = "(\w+)"', text)
    struct = re.search(r"pub(?:\(crate\))? struct Metrics \{\n(.*?)\n\}", text, re.DOTALL)
    if not prefix or not struct:
        sys.exit(f"{path} has no prefix, or no struct Metrics: teach check_names.py how names are made there now")
    fields = dict(re.findall(r"^\s*(?:pub )?(\w+): (.+),$", struct[1], re.MULTILINE))
    # `field: new(r, "name"`, `field: add(registry, "name"`; `field: [ add(...), ... ]`; `register("name", "...", field.clone())`.
    single = re.findall(r'\b(\w+): (?:new|times|add)\(\s*(?:r|registry),\s*"(\w+)"', text)
    arrays = [(field, name) for field, body in re.findall(r"\b(\w+): \[\s*((?:add\(.*?\),\s*)+)\]", text, re.DOTALL)
              for name in re.findall(r'add\(\s*registry,\s*"(\w+)"', body)]
    by_hand = [(field, name) for name, field in re.findall(r'registry\.register\(\s*"(\w+)",\s*"[^"]*",\s*(\w+)\.clone\(\)', text)]
    found = single + arrays + by_hand
    # All string literals that stand where a name does, however they got there.
    literal = set(re.findall(r'(?:new|times|add)\(\s*(?:r|registry),\s*"(\w+)"', text)) | {name for _, name in by_hand}
    if literal != {name for _, name in found} or not found:
        sys.exit(f"{path}: cannot tell what {sorted(literal - {name for _, name in found})} are: teach check_names.py")
    names = set()
    for field, name in found:
        kind = next((kind for kind in KINDS if kind in fields.get(field, "")), None)
        if kind is None:
            sys.exit(f"{path}: {name} is of no kind that check_names.py knows ({fields.get(field)})")
        names |= {f"{prefix[1]}_{name}{suffix}" for suffix in KINDS[kind]}
    return names


def expressions():
    """Every expression, with where it stands."""
    for panel in json.loads((HERE / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']!r}", target["expr"]
    for block in re.split(r"^\s*- alert: ", (HERE / "alerts.yml").read_text(), flags=re.MULTILINE)[1:]:
        yield f"alert {block.split()[0]}", re.search(r"expr: (.*?)\n\s+(?:for|labels):", block, re.DOTALL)[1]
    yield "test_alerts.py", (HERE / "test_alerts.py").read_text()


def partitions():
    """Rules and panels that count partitions must know how many there are."""
    fixed = re.search(r"PARTITIONS: u16 = (\d+);", (ROOT / "wire/src/partition.rs").read_text())[1]
    for where, expression in expressions():
        for count in re.findall(r"(\d+) - sum\(starling_worker_partitions\)|sum\(starling_worker_partitions\) < (\d+)", expression):
            if fixed not in count:
                sys.exit(f"{where} counts {max(count)} partitions; wire says {fixed}")


def live(urls):
    """The series that running services tell: names with the labels seen with them."""
    series = {}
    for url in urls:
        with urllib.request.urlopen(url, timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if match := re.match(r"(\w+)(?:\{(.*)\})? ", line):
                    series.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2] or ""))
    return series


def check_live(urls):
    """The labels that expressions group by or select."""
    series = live(urls)
    wrong, silent = [], set()
    for where, expression in expressions():
        if where.endswith(".py"):
            continue
        named = re.findall(r"\b(starling_\w+)(?:\{([^}]*)\})?", expression)
        grouped = {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", expression) for label in labels.split(",")}
        for name, selector in named:
            if name not in series:
                silent.add(name)
                continue
            selected = set(re.findall(r"(\w+)[!=]~?", selector))
            missing = (selected | grouped) - series[name] - {"instance", ""}
            if missing:
                wrong.append(f"{where}: {name} has no label {', '.join(sorted(missing))}")
    if silent:
        print(f"not counted yet, so their labels are not checked: {', '.join(sorted(silent))}")
    return wrong


def main():
    """Says what is wrong, or how much there was."""
    told = set().union(*(told_by(path) for path in SOURCES))
    named = [(where, name) for where, expression in expressions() for name in re.findall(r"\bstarling_[a-z0-9_]+\b", expression)]
    # A test's histogram is named by its base.
    known = told | {re.sub(r"_bucket$", "", name) for name in told}
    wrong = [f"{where}: no service tells {name}" for where, name in named
             if name not in (known if where.endswith(".py") else told)]
    partitions()
    if len(sys.argv) > 1:
        wrong += check_live(sys.argv[1:])
    if wrong:
        sys.exit("\n".join(wrong))
    unseen = sorted(name for name in told if not name.endswith(("_sum", "_count")) and name not in {name for _, name in named})
    print(f"{len({name for _, name in named})} names in use, {len(told)} told; in no panel and no alert: {', '.join(unseen) or 'none'}")


if __name__ == "__main__":
    main()
