"""What a service's sources know by name: its settings, and the figures of its /metrics.

Read from the sources, because nothing else tells it before a container starts: a setting that a service does
not know is passed over in silence, and an alarm on a figure that nobody tells never rings. Where the
sources are written so that this cannot read them, it says so and ends.
"""

import re
from pathlib import Path
from typing import NamedTuple

SHELL = "infra/service-shell"
# Each program's command line: the structs that clap fills from the environment, and their crates.
PROGRAMS = {
    "connection-node": [(SHELL, "Cli"), ("connection-node", "Config")],
    "fanout-worker": [(SHELL, "Cli"), ("fanout-worker", "Config")],
    "media-worker": [(SHELL, "Cli"), ("media-worker", "Config")],
    "media-lambda": [("media-worker", "Cli")],
    "provision": [("infra/local", "ProvisionArgs")],
}
# What clap does not know to be needed, and the services refuse to start or to work without.
ONE_OF = [
    ("JWT_SECRET", "JWT_PUBLIC_KEY_FILE", "JWT_JWKS_URL"),
    ("MEDIA_SECRET", "JWT_SECRET"),
]
# On a guarded NATS, behind a load balancer: everywhere but on one's own machine.
DEPLOYED = [
    ("NATS_NKEY_SEED", "NATS_NKEY_FILE"),
    ("NATS_CA_FILE",),
    ("ALLOWED_ORIGINS",),
    ("MEDIA_URL",),
    ("S3_BUCKET",),
    ("S3_REGION",),
    ("TRUSTED_PROXIES",),
]
# Of services, which have a collector beside them; the function and what is run by hand have none.
BESIDE_COLLECTOR = [("OTEL_EXPORTER_OTLP_ENDPOINT",)]


STRUCT = re.compile(r"^(?:pub(?:\([a-z]+\))? )?struct (\w+)[^;{(\n]*\{\n(.*?)^\}", re.M | re.S)


class Setting(NamedTuple):
    name: str
    # No default, and nothing else that clap would take for one.
    required: bool
    # Its default is this machine, which is nowhere in a container.
    local: bool


def sources(root, crate):
    """Each source of a crate without its tests and comments."""
    folder = Path(root) / crate / "src"
    if not folder.is_dir():
        raise SystemExit(f"settings: {crate}/src is not there")
    for path in sorted(folder.rglob("*.rs")):
        code = re.sub(r"^\s*//.*\n", "", path.read_text(), flags=re.M)
        yield path, re.split(r"^#\[cfg\(test\)\]\s*\nmod ", code, maxsplit=1, flags=re.M)[0]


def structs(root, crate):
    """The bodies of a crate's structs by name; several of one name stand side by side."""
    found = {}
    for _, text in sources(root, crate):
        for name, body in STRUCT.findall(text):
            found.setdefault(name, []).append(body)
    return found


def fields(body):
    """(attributes, type) of each field. rustfmt puts each at four spaces."""
    for field in re.findall(r"((?:^    #\[[^\n]*\n(?:^     [^\n]*\n)*)*)^    (?:pub(?:\([a-z]+\))? )?\w+: ([^\n]+),$", body, re.M):
        yield field


def settings(root, program):
    """The settings of a program, by name."""
    found, waiting, seen = {}, list(PROGRAMS[program]), set()
    while waiting:
        crate, name = waiting.pop()
        if (crate, name) in seen:
            continue
        seen.add((crate, name))
        bodies = structs(root, crate).get(name) or structs(root, SHELL).get(name, [])
        bodies = [body for body in bodies if "env = " in body or "flatten" in body]
        if len(bodies) != 1:
            raise SystemExit(f"settings: {program} reads the struct {name}, and its sources have {len(bodies)} of them with settings: mend infra/known_settings.py")
        for attributes, kind in fields(bodies[0]):
            if re.search(r"#\[command\([^\]]*\bflatten\b", attributes):
                # The shell's own is generic over the service's, which stands beside it in PROGRAMS.
                waiting += [(crate, kind.split("::")[-1])] if kind != "C" else []
            for variable in re.findall(r'\benv = "([A-Z0-9_]+)"', attributes):
                default = re.search(r"\bdefault_value\w*(?:\s*=\s*([^,)]+))?", attributes)
                optional = re.match(r"(Option|Vec)<|bool$", kind)
                local = bool(default and re.search(r"127\.0\.0\.1|localhost", default[1] or ""))
                # Where a service listens has a default of its own, given in its main.
                required = not default and not optional and variable != "LISTEN"
                found[variable] = Setting(variable, required, local)
        told = bodies[0].count("env = ")
        read = sum(attributes.count("env = ") for attributes, _ in fields(bodies[0]))
        if told != read:
            raise SystemExit(f"settings: of {told} settings of {name} in {crate} only {read} can be read: mend infra/known_settings.py")
    return found


def faults(root, program, names, deployed=False):
    """What is wrong with handing `program` the settings `names`, a sentence each. `deployed`: not on one's own machine."""
    known, names = settings(root, program), set(names)
    for name in sorted(names - set(known)):
        yield f"{program} is told {name}, which it does not know"
    for setting in known.values():
        if setting.required and setting.name not in names:
            yield f"{program} is not told {setting.name}, without which it does not start"
        if setting.local and setting.name not in names:
            yield f"{program} is not told {setting.name}, and would look for it on its own machine"
    groups = ONE_OF + (DEPLOYED if deployed else []) + (BESIDE_COLLECTOR if deployed and "LISTEN" in known else [])
    for group in groups:
        # Of a group that begins with what it does not know a program wants nothing.
        if group[0] in known and not names & set(group):
            yield f"{program} is told none of {', '.join(group)}" if len(group) > 1 else f"{program} is not told {group[0]}"


# ---- figures of /metrics

PREFIXES = {"starling_worker_": "fanout-worker", "starling_media_": "media-worker", "starling_": "connection-node"}


def metrics(root, crate, prefix):
    """The names under which /metrics tells what `crate` counts."""
    told = set()
    for path, text in sources(root, crate):
        # Of the struct that holds them; other structs have fields of the same names.
        held = "".join(body for _, body in STRUCT.findall(text) if "registry: Registry," in body)
        types = dict(re.findall(r"^    (?:pub(?:\([a-z]+\))? )?(\w+): ([^\n]+),$", held, re.M))
        aliases = dict(re.findall(r"^type (\w+) = ([^;]+);", text, re.M))
        for match in re.finditer(r'\(\s*(?:\w+,\s*)?"([a-z0-9_]+)",\s*"[A-Z][^"]*"', text):
            # The field, or the variable's histogram, that the figure goes to.
            line = re.findall(r"^            (\w+):", text[: match.start()], re.M)
            if re.search(r"registry\.register$", text[: match.start()].rstrip()):
                kind = "Histogram"
            elif line and line[-1] in types:
                kind = types[line[-1]]
            else:
                raise SystemExit(f"metrics: cannot tell what {match[1]} in {path} is: mend infra/known_settings.py")
            kind = re.sub(r"\w+", lambda word: aliases.get(word[0], word[0]), kind)
            name = prefix + match[1]
            if "Counter" in kind:
                told.add(f"{name}_total")
            elif "Histogram" in kind:
                told |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
            elif "Gauge" in kind:
                told.add(name)
            else:
                raise SystemExit(f"metrics: {match[1]} in {path} is a {kind}, of which nothing is known: mend infra/known_settings.py")
    if not told:
        raise SystemExit(f"metrics: no figure is found in {crate}: mend infra/known_settings.py")
    return told


def unknown_metrics(root, names):
    """Those of `names` that begin as a service's do, and that no service tells, sorted."""
    unknown = set()
    for name in names:
        prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
        if prefix and name not in metrics(root, PREFIXES[prefix], prefix):
            unknown.add(name)
    return sorted(unknown)
