"""The start script of the media worker on Lambda, with moto for Secrets Manager and a script for the worker."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

INFRA = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(INFRA))

from moto_process import Moto  # noqa: E402

WORKER = """#!/bin/bash
printf '%s|%s|' "$JWT_SECRET" "$NATS_CA_FILE_FROM"
stat -c %a "$NATS_CA_FILE"
cat "$NATS_CA_FILE" "$JWT_PUBLIC_KEY_FILE"
"""
CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMII/+="quoted" \\ back\n-----END CERTIFICATE-----\n'


class Bootstrap(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = Moto("eu-central-1").__enter__()
        cls.addClassCleanup(cls.moto.__exit__)
        secrets = cls.moto.client("secretsmanager")
        cls.arns = {
            name: secrets.create_secret(Name=name, SecretString=text)["ARN"]
            for name, text in {"jwt": "0123456789abcdef", "ca": CERTIFICATE}.items()
        }
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.task = Path(folder.name)
        (cls.task / "media-lambda").write_text(WORKER)
        (cls.task / "media-lambda").chmod(0o755)

    def start(self, **settings):
        environment = {
            "PATH": os.environ["PATH"], "TMPDIR": str(self.task), "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "moto", "AWS_SECRET_ACCESS_KEY": "moto", "AWS_SESSION_TOKEN": "token",
            "SECRETS_ENDPOINT": self.moto.url, "LAMBDA_TASK_ROOT": str(self.task),
        }
        script = INFRA / "docker/media-lambda-bootstrap"
        return subprocess.run([script], env=environment | settings, capture_output=True, text=True, timeout=60)

    def test_secrets_become_settings_and_files(self):
        run = self.start(
            JWT_SECRET_FROM=self.arns["jwt"], NATS_CA_FILE_FROM=self.arns["ca"], JWT_PUBLIC_KEY_FILE_TEXT="-----BEGIN\nkey"
        )
        self.assertEqual(run.stderr, "")
        self.assertEqual(run.stdout, f"0123456789abcdef|{self.arns['ca']}|600\n{CERTIFICATE}-----BEGIN\nkey\n")

    def test_a_secret_that_is_not_there_is_named(self):
        run = self.start(JWT_SECRET_FROM="nothing")
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn("cannot read the secret nothing", run.stderr)


if __name__ == "__main__":
    unittest.main()
