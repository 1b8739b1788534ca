"""What the NATS servers and leaves of an applied configuration would start with, tried on a real nats-server.

Usage: python nats_config.py NATS_SERVER STATE

From Terraform's state it takes what each machine runs at its first start, and what each leaf's task is
told; lays the files out as they would; and has nats-server read them (`-t`: it checks everything and
does not listen). Keys and the certificate are made for the occasion.
"""

import base64
import gzip
import json
import re
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path


def nkey(prefix):
    """A key of NATS that nobody else has: a prefix, 32 bytes, a checksum (CRC-16/XMODEM), in base 32."""
    raw = prefix + secrets.token_bytes(32)
    crc = 0
    for byte in raw:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return base64.b32encode(raw + crc.to_bytes(2, "little")).decode().rstrip("=")


USER_DATA = 16384
PUBLIC_USER = bytes([20 << 3])
SEED_OF_USER = bytes([18 << 3 | 20 >> 2, (20 << 3 & 31) << 3])


def install_secrets(folder):
    """What the secret nats/server holds."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=nats",
         "-addext", "subjectAltName=DNS:nats-0.starling.internal", "-keyout", folder / "server.key", "-out", folder / "server.pem"],
        check=True, capture_output=True,
    )
    (folder / "ca.pem").write_text((folder / "server.pem").read_text())
    users = "\n".join(f'      {{ nkey: "{nkey(PUBLIC_USER)}", permissions: ${role} }}' for role in ("NODE", "FANOUT", "MEDIA", "ADMIN"))
    (folder / "users.conf").write_text(
        f'include "./roles.conf"\naccounts {{\n  STARLING {{\n    jetstream: enabled\n    users: [\n{users}\n    ]\n  }}\n}}\n'
    )


def of_machine(script):
    """(config, files, environment) of a machine's first start."""
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    files = {
        name: gzip.decompress(base64.b64decode(content)).decode()
        for content, name in ((m[2], m[1]) for m in re.finditer(r"gunzip >/etc/nats/(\S+\.conf)\n(\S+)\nFILE\n", script))
    }
    environment = re.search(r"<<'ENVIRONMENT'\n(.*?)\nENVIRONMENT\n", script, re.S)[1]
    config = re.search(r"--config /etc/nats/(\S+)", script)[1]
    return config, files, dict(line.split("=", 1) for line in environment.splitlines())


def of_task(definitions):
    """The same of a leaf's task."""
    containers = {container["name"]: container for container in definitions}
    init = containers.pop("files")
    subprocess.run(["sh", "-n"], input=init["command"][0], text=True, check=True)
    plain = {variable["name"]: variable["value"] for variable in init["environment"]}
    names = re.findall(r'"\$(PLAIN_\d+)" > /run/starling/(\S+);', init["command"][0])
    leaf = next(container for name, container in containers.items() if name.startswith("leaf-"))
    environment = {variable["name"]: variable["value"] for variable in leaf["environment"]} | {"NATS_LEAF_SEED": nkey(SEED_OF_USER)}
    return Path(leaf["command"][1]).name, {name: plain[variable] for variable, name in names}, environment


def try_out(server, name, config, files, environment):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for file, text in files.items():
            (folder / file).write_text(text)
        install_secrets(folder)
        here = {
            key: re.sub(r"/etc/nats/tls|/run/starling", str(folder), value).replace('"/data"', f'"{folder}/data"')
            for key, value in environment.items()
        }
        run = subprocess.run([server, "-t", "-c", folder / config], env=here, capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"nats: {name} would not start with {config}: {run.stdout}{run.stderr}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tried = []
    for resource in json.loads(Path(sys.argv[2]).read_text())["resources"]:
        for instance in resource["instances"]:
            attributes = instance["attributes"]
            if resource["type"] == "aws_launch_template":
                script = base64.b64decode(attributes["user_data"])
                if len(script) > USER_DATA:
                    raise SystemExit(f"nats: a machine's first start takes {len(script)} bytes, and EC2 takes no more than {USER_DATA}")
                found = of_machine(script.decode())
            elif resource["type"] == "aws_ecs_task_definition" and "-leaf-" in attributes["family"]:
                found = of_task(json.loads(attributes["container_definitions"]))
            else:
                continue
            name = f"{resource.get('module', '')}[{instance.get('index_key', '')}]"
            try_out(sys.argv[1], name, *found)
            tried.append(found[0])
    if not tried:
        raise SystemExit("nats: the state has no server")
    print(f"nats: {len(tried)} servers read {', '.join(sorted(set(tried)))} with what they are told")


if __name__ == "__main__":
    main()
