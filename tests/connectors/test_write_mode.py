"""Where connector files may be written: what the settings say, and what the directory is."""

from pathlib import Path

import pytest

from gateway.connectors.write_mode import mode_of
from gateway.settings import Settings

LOCAL = {"GATEWAY_BIND": "127.0.0.1:8000"}


def mode(directory: Path, **environment: str):
    return mode_of(Settings.read({"GATEWAY_CONNECTORS": str(directory), **environment}))


#: Settings, and what the reason names where nothing may be written.
SETTINGS = [
    ({}, None),
    ({"GATEWAY_BIND": "127.8.9.10:80"}, None),
    ({"GATEWAY_BIND": "localhost:8000"}, None),
    ({"GATEWAY_BIND": "[::1]:8000"}, None),
    ({"GATEWAY_BIND": "0.0.0.0:8000"}, "listens at 0.0.0.0:8000"),
    ({"GATEWAY_BIND": "[::]:8000"}, "listens at [::]:8000"),
    ({"GATEWAY_BIND": "10.0.0.7:8000"}, "listens at 10.0.0.7:8000"),
    ({"GATEWAY_BIND": "shop.example:8000"}, "listens at shop.example:8000"),
    ({"GATEWAY_BIND": "unix:/run/gateway"}, "listens at unix:/run/gateway"),
    ({"GATEWAY_BIND": "fd://3"}, "listens at fd://3"),
    ({"GATEWAY_HOSTS": "localhost"}, "GATEWAY_HOSTS is set"),
    ({"GATEWAY_PROXIES": "127.0.0.1"}, "GATEWAY_PROXIES is set"),
    ({"GATEWAY_CONSOLE": "read"}, "GATEWAY_CONSOLE=read"),
    ({"GATEWAY_CONSOLE": "off"}, "GATEWAY_CONSOLE=off"),
    ({"GATEWAY_CONSOLE": "write"}, None),
    ({"GATEWAY_CONSOLE": "write", "GATEWAY_BIND": "0.0.0.0:8000", "GATEWAY_PROXIES": "10.0.0.0/8"}, None),
]


@pytest.mark.parametrize(("environment", "reason"), SETTINGS)
def test_settings_decide_first(tmp_path, environment, reason):
    found = mode(tmp_path, **environment)

    assert found.can_write == (reason is None)
    assert (reason or f"Files are written to {tmp_path}.") in found.reason
    assert list(tmp_path.iterdir()) == [], "the try leaves nothing"


def kubernetes(directory: Path) -> Path:
    volume = directory / "volume"
    (volume / "..2026_11_30").mkdir(parents=True)
    (volume / "..data").symlink_to("..2026_11_30")
    return volume


def git_sync(directory: Path) -> Path:
    (directory / ".worktrees/0a1b/connectors.d").mkdir(parents=True)
    (directory / "current").symlink_to(".worktrees/0a1b")
    return directory / "current/connectors.d"


def link(directory: Path) -> Path:
    (directory / "real").mkdir()
    (directory / "link").symlink_to("real")
    return directory / "link"


def file(directory: Path) -> Path:
    (directory / "file").write_text("")
    return directory / "file"


def new(directory: Path) -> Path:
    return directory / "new"


def lost(directory: Path) -> Path:
    return directory / "no/such"


def proc(directory: Path) -> Path:
    """A directory that takes no file, not even from root."""
    return Path("/proc/1")


DIRECTORIES = [
    (kubernetes, "is a volume of Kubernetes"),
    (git_sync, "/current is a symbolic link"),
    (link, "/link is a symbolic link"),
    (file, "Not a directory"),
    (lost, "No such file or directory"),
    (proc, "takes no file"),
    (new, None),
]


@pytest.mark.parametrize(("arrange", "reason"), DIRECTORIES)
def test_directory_must_take_a_file(tmp_path, arrange, reason):
    directory = arrange(tmp_path)

    found = mode(directory, GATEWAY_CONSOLE="write")

    assert found.can_write == (reason is None)
    assert (reason or f"Files are written to {directory}.") in found.reason
    assert directory.exists() == (arrange not in (new, lost))


def test_real_path_behind_a_link_is_writable(tmp_path):
    """Follow the hint of the refusal."""
    directory = link(tmp_path)
    assert f"name the directory {tmp_path}/real itself" in mode(directory).reason

    assert mode(tmp_path / "real").can_write
