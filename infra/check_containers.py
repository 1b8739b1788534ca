"""Checks the Dockerfile, .dockerignore and compose.yaml against each other and against the workspace.

Usage: python check_containers.py ROOT

No engine is needed: what is built is compared with `cargo metadata`, what is set with the services'
sources, what is named with what there is. Ends with a sentence a defect, and 1.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from known_settings import faults

CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def instructions(text):
    """The Dockerfile's instructions, as (word, rest); lines that go on are one."""
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.M)
    text = re.sub(r"\\\n", " ", text)
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def stages(text):
    """From each stage's name to its instructions, those of stages that it is made from first."""
    found, name = {}, None
    for word, rest in instructions(text):
        if word == "FROM":
            base, _, name = re.match(r"(\S+)(?:\s+(AS)\s+(\S+))?", rest).groups()
            found[name] = [("FROM", base), *(found.get(base, []))]
        elif name:
            found[name].append((word, rest))
    return found


def ignored(path, patterns):
    """Whether .dockerignore keeps a path out: the last pattern that matches it decides."""
    out = False
    for pattern in patterns:
        keep, glob = pattern.startswith("!"), pattern.lstrip("!").strip("/")
        expression = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{expression}(/.*)?", path):
            out = not keep
    return out


def check_images(root, metadata, found):
    """What the Dockerfile builds is in the workspace; what an image starts is in it."""
    binaries = {target["name"]: package["name"] for package in metadata["packages"] for target in package["targets"] if "bin" in target["kind"]}
    build = " ".join(rest for word, rest in found["build"] if word == "RUN")
    packages = set(re.findall(r"-p\s+(\S+)", build))
    listed = re.search(r"for binary in ([^;]+);", build)[1].split()
    for binary in listed:
        if binary not in binaries:
            yield f"the Dockerfile installs {binary}, and no package of the workspace has such a binary"
        elif binaries[binary] not in packages:
            yield f"the Dockerfile installs {binary}, and does not build its package {binaries[binary]}"
    rust = re.search(r'^rust-version = "([\d.]+)"', (root / "Cargo.toml").read_text(), re.M)[1]
    if f"ARG RUST={rust}" not in (root / "infra/docker/Dockerfile").read_text():
        yield f"the Dockerfile does not build with Rust {rust}, which Cargo.toml asks for"
    for stage, lines in found.items():
        entry = [rest for word, rest in lines if word == "ENTRYPOINT"]
        if not entry:
            continue
        binary = json.loads(entry[-1])[0]
        if not any(word == "COPY" and f"/out/{Path(binary).name} " in rest for word, rest in lines):
            yield f"the image {stage} starts {binary}, which nothing copies into it"
        if ("USER", "65532:65532") not in lines:
            yield f"the image {stage} runs as root"
        health = [rest for word, rest in lines if word == "HEALTHCHECK"]
        if not health:
            yield f"the image {stage} does not say how its health is asked"
        elif health[-1] != "NONE":
            port = re.search(r"127\.0\.0\.1:(\d+)/healthz", health[-1])[1]
            if ("EXPOSE", port) not in lines:
                yield f"the image {stage} is asked for its health on {port}, which it does not expose"
            if f'"0.0.0.0:{port}"' not in (root / stage / "src/main.rs").read_text():
                yield f"the image {stage} is asked for its health on {port}, where it does not listen by default"


def check_context(root, metadata, found):
    """What is built from is sent to the builder, and what is copied is there."""
    patterns = [line.strip() for line in (root / ".dockerignore").read_text().splitlines() if line.strip() and not line.startswith("#")]
    needed = {str(Path(package["manifest_path"]).relative_to(root)) for package in metadata["packages"]}
    needed |= {"Cargo.toml", "Cargo.lock", "infra/docker/media-lambda-bootstrap", "public/index.html", "public/package-lock.json"}
    for path in sorted(needed):
        if ignored(path, patterns):
            yield f".dockerignore keeps {path} out, which the build needs"
        if not (root / path).exists():
            yield f"{path} is not there"
    for path in ("target/x", ".git/HEAD", "public/node_modules/x", "data/x", "infra/terraform.tfstate"):
        if not ignored(path, patterns):
            yield f".dockerignore lets {path} in, which is large or private"
    for stage, lines in found.items():
        for source in (re.search(r"--from=(\S+)", rest) for word, rest in lines if word == "COPY"):
            if source and source[1] not in found:
                yield f"the image {stage} copies from {source[1]}, which is no stage"


def check_compose(root, found):
    """Each service has an image, settings that it knows, and waits for what there is."""
    compose = yaml.safe_load((root / "infra/local/compose.yaml").read_text())
    services, taken = compose["services"], {}
    for name, service in services.items():
        build = service.get("build")
        if build:
            if build["target"] not in found:
                yield f"the service {name} is built from {build['target']}, which is no target of the Dockerfile"
            if not (root / "infra/local" / build["context"] / build["dockerfile"]).exists():
                yield f"the service {name} is built by {build['dockerfile']}, which is not there"
            for fault in faults(root, build["target"], service.get("environment", {})):
                yield f"the service {name}: {fault}"
            if not service.get("read_only"):
                yield f"the service {name} may write to its root"
        elif not re.search(r":[^/:]*\d[^/:]*$", service["image"]):
            yield f"the service {name} has no version in {service['image']}"
        waits = service.get("depends_on", {})
        for other, how in waits.items() if isinstance(waits, dict) else ((other, {"condition": "service_started"}) for other in waits):
            if other not in services:
                yield f"the service {name} waits for {other}, which there is not"
            if how["condition"] not in CONDITIONS:
                yield f"the service {name} waits for {how['condition']}, which Compose does not know"
            elif how["condition"] == "service_healthy" and "healthcheck" not in services[other]:
                yield f"the service {name} waits for the health of {other}, which nobody asks"
        for port in service.get("ports", []):
            outer = port.rsplit(":", 1)[0]
            if taken.setdefault(outer, name) != name:
                yield f"{name} and {taken[outer]} both take {outer}"
            if not outer.startswith("127.0.0.1:"):
                yield f"the service {name} listens on every address of the machine, with development tokens"
        for volume in service.get("volumes", []):
            if volume.split(":")[0] not in compose["volumes"]:
                yield f"the service {name} uses the volume {volume}, which there is not"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = Path(sys.argv[1]).resolve()
    line = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.run(line, cwd=root, capture_output=True, text=True, check=True).stdout)
    found = stages((root / "infra/docker/Dockerfile").read_text())
    defects = [*check_images(root, metadata, found), *check_context(root, metadata, found), *check_compose(root, found)]
    for defect in defects:
        print(f"containers: {defect}", file=sys.stderr)
    print(f"containers: {len(found)} stages and a compose file, {len(defects)} defects")
    sys.exit(bool(defects))


if __name__ == "__main__":
    main()
