"""Runs `moto_server.py` on a free port, for as long as a `with` lasts, and makes clients for it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3

SERVER = Path(__file__).resolve().parent / "moto_server.py"


class Moto:
    """The server. `log` is a file for what it says."""

    def __init__(self, region, log=os.devnull):
        self.region, self.log_path = region, log

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.log = open(self.log_path, "w")
        environment = os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
        line = [sys.executable, str(SERVER), self.url.rpartition(":")[2]]
        self.process = subprocess.Popen(line, stdout=self.log, stderr=self.log, env=environment)
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit(f"moto: the server does not start; what it said: {self.log_path}")
            try:
                urllib.request.urlopen(f"{self.url}/moto-api/", timeout=1)
                return self
            except OSError:
                time.sleep(0.1)
        self.__exit__()
        raise SystemExit("moto: the server does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()

    def client(self, service, region=None):
        return boto3.client(
            service, region_name=region or self.region, endpoint_url=self.url,
            aws_access_key_id="moto", aws_secret_access_key="moto",
        )

    def environment(self):
        """What makes a program take the server for AWS."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return plain | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "moto",
            "AWS_SECRET_ACCESS_KEY": "moto",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "3",
        }
