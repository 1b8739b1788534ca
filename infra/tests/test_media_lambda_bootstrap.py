"""The start script of the media worker on Lambda, with moto for Secrets Manager and a script for the worker."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import boto3

INFRA = Path(__file__).resolve().parent.parent
WORKER = """#!/bin/bash
printf '%s|%s|' "$JWT_SECRET" "$NATS_CA_FILE_FROM"
stat -c %a "$NATS_CA_FILE"
cat "$NATS_CA_FILE" "$JWT_PUBLIC_KEY_FILE"
"""
CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMII/+="quoted" \\ back\n-----END CERTIFICATE-----\n'


class Bootstrap(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cls.endpoint = f"http://127.0.0.1:{port}"
        cls.moto = subprocess.Popen(
            [sys.executable, str(INFRA / "moto_server.py"), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        cls.addClassCleanup(cls.moto.wait)
        cls.addClassCleanup(cls.moto.terminate)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{cls.endpoint}/moto-api/", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        secrets = boto3.client(
            "secretsmanager", region_name="eu-central-1", endpoint_url=cls.endpoint,
            aws_access_key_id="moto", aws_secret_access_key="moto",
        )
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
            "SECRETS_ENDPOINT": self.endpoint, "LAMBDA_TASK_ROOT": str(self.task),
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
