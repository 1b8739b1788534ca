"""put-secrets, with moto for Secrets Manager: what it puts, and what it refuses."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

INFRA = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(INFRA), str(INFRA / "tests")]

from moto_process import Moto  # noqa: E402
from nats_config import SEED_OF_USER, install_secrets, nkey  # noqa: E402

ROLES = ("node", "fanout", "media", "admin", "leaf")


class PutSecrets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = Moto("eu-central-1").__enter__()
        cls.addClassCleanup(cls.moto.__exit__)
        cls.secrets = cls.moto.client("secretsmanager")
        for name in ("jwt", "media", "nats/ca", "nats/server", *(f"nats/{role}" for role in ROLES)):
            cls.secrets.create_secret(Name=f"starling/{name}")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def put(self, *options):
        line = [INFRA / "put-secrets", *options, self.folder]
        return subprocess.run(line, env=self.moto.environment(), capture_output=True, text=True, timeout=120)

    def value(self, name):
        return self.secrets.get_secret_value(SecretId=f"starling/{name}")["SecretString"]

    def test_a_whole_folder(self):
        (self.folder / "jwt").write_text("0123456789abcdef" * 4 + "\n")
        (self.folder / "media").write_text("fedcba9876543210" * 4)
        seeds = {role: nkey(SEED_OF_USER) for role in ROLES}
        for role, seed in seeds.items():
            (self.folder / f"{role}.seed").write_text(f"{seed}\r\n")
        install_secrets(self.folder)
        (self.folder / "ca.key").write_text("stays here")
        run = self.put("--region", "eu-central-1")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual(self.value("jwt"), "0123456789abcdef" * 4)
        self.assertEqual(self.value("media"), "fedcba9876543210" * 4)
        self.assertEqual({role: self.value(f"nats/{role}") for role in ROLES}, seeds)
        server = json.loads(self.value("nats/server"))
        self.assertEqual(set(server), {"ca.pem", "server.pem", "server.key", "users.conf"})
        self.assertEqual(server["ca.pem"], self.value("nats/ca"))
        self.assertFalse([seed for seed in seeds.values() if seed in run.stdout])

    def test_one_alone(self):
        seed = nkey(SEED_OF_USER)
        (self.folder / "media.seed").write_text(seed)
        self.assertEqual(self.put().returncode, 0)
        self.assertEqual(self.value("nats/media"), seed)

    def test_what_is_wrong_is_refused_in_a_sentence(self):
        table = [
            ({}, [], "holds none of the files"),
            ({"jwt": "short"}, [], "jwt has less than 32 bytes"),
            ({"media": "short"}, [], "media has less than 32 bytes"),
            ({"node.seed": "UAAA"}, [], "no nkey seed"),
            ({"ca.pem": "x"}, [], "has no server.pem"),
            ({"ca.pem": "x", "server.pem": "x", "server.key": "x", "users.conf": nkey(SEED_OF_USER)}, [], "holds a seed"),
            ({"ca.pem": "x", "server.pem": "x", "server.key": "x", "users.conf": ""}, [], "not signed by"),
            ({"jwt": "0123456789abcdef" * 4}, ["--name", "another"], "cannot put another/jwt"),
            ({}, ["--wrong"], "unknown option --wrong"),
        ]
        for files, options, sentence in table:
            for path in self.folder.iterdir():
                path.unlink()
            for name, text in files.items():
                (self.folder / name).write_text(text)
            run = self.put(*options)
            self.assertEqual(run.returncode, 64, sentence)
            self.assertIn(sentence, run.stderr)


if __name__ == "__main__":
    unittest.main()
