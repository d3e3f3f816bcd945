"""An S3 server of the tests: SeaweedFS on the loopback, with one bucket, and two credentials for it."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.lake.leash import Leash
from tests.support.lake.s3_client import Credentials, S3Client
from tests.support.server import ROOT, eventually, free_port

PROGRAM = ROOT / ".venv-lake/bin/weed"
BUCKET = "lake"
#: What a gateway has: it reads, writes, and lists, and no mistake of it or of DuckLake deletes anything.
KEEPER = Credentials("gateway", "gateway-s3-secret")
#: What the maintenance has, too.
DELETER = Credentials("maintenance", "maintenance-s3-secret")
_OWNER = Credentials("owner", "owner-s3-secret")
_OF_OBJECTS = [
    "s3:GetObject",
    "s3:PutObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
]
_OF_BUCKET = ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
#: What stays in the common folder of temporary files after SIGKILL.
_SOCKETS = "/tmp/seaweedfs-{server}-grpc-{port}.sock"


class SeaweedFS:
    """One server. `start` and `stop` may be called again and again on the same files."""

    def __init__(self) -> None:
        """Write the settings, and start nothing."""
        self._folder = Path(tempfile.mkdtemp(prefix="seaweedfs-"))
        self.log = self._folder / "log"
        self._ports = {server: (free_port(), free_port()) for server in ("master", "volume", "filer", "s3")}
        self.port = self._ports["s3"][0]
        self._leash: Leash | None = None
        (self._folder / "s3.json").write_text(json.dumps(access_of_servers()))
        (self._folder / "data").mkdir()

    def start(self) -> "SeaweedFS":
        """Start it, and wait until objects can be written and read."""
        assert self._leash is None, "it is running"
        self._leash = Leash(self._command(), self._folder, self.log)

        def ready() -> bool:
            assert self._running.is_running, self.log.read_text()[-4000:]
            with self.client(_OWNER) as owner:
                made = owner.ask("PUT")
                return made.status_code in (200, 409) and owner.ask("PUT", "ready").status_code == 200

        eventually(ready, "SeaweedFS did not become ready")
        with self.client(_OWNER) as owner:
            owner.ask("DELETE", "ready")
        return self

    def _command(self) -> list[str]:
        settings = {
            "dir": "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            # It would report its use to its makers.
            "master.telemetry": "false",
            "master.peers": "none",
            "master.volumeSizeLimitMB": "64",
            "volume.max": "50",
            "volume.preStopSeconds": "0",
            "s3": "true",
            "s3.config": "s3.json",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "filer.localSocket": "filer.sock",
            "s3.localSocket": "s3.sock",
        }
        for server, (port, grpc) in self._ports.items():
            settings |= {f"{server}.port": str(port), f"{server}.port.grpc": str(grpc)}
        return [str(PROGRAM), "-logtostderr=true", "server", *(f"-{k}={v}" for k, v in settings.items())]

    def client(self, credentials: Credentials) -> S3Client:
        """A client of the bucket."""
        return S3Client(self.endpoint, BUCKET, credentials)

    @property
    def endpoint(self) -> str:
        """The host and the port."""
        return f"127.0.0.1:{self.port}"

    def objects(self, prefix: str = "") -> list[str]:
        """The keys of the objects below a prefix."""
        with self.client(_OWNER) as owner:
            return owner.keys(prefix)

    def stop(self) -> None:
        """SIGKILL, for it ignores SIGTERM for some seconds. What it has answered is with the kernel, and so kept."""
        self._running.kill()
        self._leash = None
        for server, (_, port) in self._ports.items():
            Path(_SOCKETS.format(server=server, port=port)).unlink(missing_ok=True)

    def freeze(self) -> None:
        """Stop it, as if it got no processor."""
        self._running.freeze()

    def thaw(self) -> None:
        """Let it go on."""
        self._running.thaw()

    def close(self) -> None:
        """Kill it, if it runs, and delete its files."""
        if self._leash is not None:
            self.stop()
        shutil.rmtree(self._folder)

    @property
    def _running(self) -> Leash:
        assert self._leash is not None, "it is not running"
        return self._leash


def access_of_servers() -> dict[str, object]:
    """Who may do what, as SeaweedFS reads it: its own words for that have none for a write that cannot delete."""

    def policy(name: str, of_objects: list[str]) -> dict[str, str]:
        statements = [
            {"Effect": "Allow", "Action": of_objects, "Resource": [f"arn:aws:s3:::{BUCKET}/*"]},
            {"Effect": "Allow", "Action": _OF_BUCKET, "Resource": [f"arn:aws:s3:::{BUCKET}"]},
        ]
        return {"name": name, "content": json.dumps({"Version": "2012-10-17", "Statement": statements})}

    def identity(credentials: Credentials, **rights: list[str]) -> dict[str, object]:
        keys = {"accessKey": credentials.key, "secretKey": credentials.secret}
        return {"name": credentials.key, "credentials": [keys], **rights}

    return {
        "identities": [
            identity(_OWNER, actions=["Admin"]),
            identity(KEEPER, policyNames=["keep"]),
            identity(DELETER, policyNames=["delete"]),
        ],
        "policies": [policy("keep", _OF_OBJECTS), policy("delete", [*_OF_OBJECTS, "s3:DeleteObject"])],
    }


@contextlib.contextmanager
def running_seaweedfs() -> Iterator[SeaweedFS]:
    """An S3 server until the end of the block."""
    seaweedfs = SeaweedFS()
    try:
        yield seaweedfs.start()
    finally:
        seaweedfs.close()
