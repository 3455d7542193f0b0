from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autolab.journal import filesystem
from autolab.journal.filesystem import file_system, is_network, linux_type, macos_type, windows_type

MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
nas:/export /home nfs4 rw 0 0
/dev/sdb1 /home/ada/local xfs rw 0 0
//nas/x /mnt/my\\040share cifs rw 0 0
ada@host:/ /mnt/ssh fuse.sshfs rw 0 0
/dev/sdc1 /mnt/twice ext4 rw 0 0
nas:/y /mnt/twice nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/srv/c.sqlite", "ext4", False),
        ("/tmp/c.sqlite", "tmpfs", False),  # noqa: S108  only parsed
        ("/home/ada/c.sqlite", "nfs4", True),
        ("/home/ada/local/c.sqlite", "xfs", False),
        ("/homely/c.sqlite", "ext4", False),
        ("/mnt/my share/c.sqlite", "cifs", True),
        ("/mnt/ssh/c.sqlite", "fuse.sshfs", True),
        ("/mnt/twice/c.sqlite", "nfs", True),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")
def test_linux(path: str, kind: str, network: bool) -> None:
    assert linux_type(MOUNTS, Path(path)) == kind
    assert is_network(kind) is network


MOUNT = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled)
//ada@nas._smb._tcp.local/lab on /Volumes/lab (smbfs, nodev, nosuid, mounted by ada)
nas:/x on /Volumes/on disk (nfs, asynchronous)
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/Users/ada/c.sqlite", "apfs", False),
        ("/Volumes/lab/c.sqlite", "smbfs", True),
        ("/Volumes/on disk/c.sqlite", "nfs", True),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")
def test_macos(path: str, kind: str, network: bool) -> None:
    assert macos_type(MOUNT, Path(path)) == kind
    assert is_network(kind) is network


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (r"C:\lab\c.sqlite", "local"),
        (r"Z:\lab\c.sqlite", "remote"),
        (r"\\nas\share\c.sqlite", "remote"),
        ("//nas/share/c.sqlite", "remote"),
        (r"\\?\UNC\nas\share\c.sqlite", "remote"),
        (r"\\?\C:\lab\c.sqlite", "local"),
        (r"\\?\Z:\lab\c.sqlite", "remote"),
    ],
)
def test_windows(path: str, kind: str) -> None:
    drives = {"C:\\": 3, "Z:\\": filesystem.DRIVE_REMOTE}
    assert windows_type(path, lambda root: drives[root]) == kind
    assert is_network(kind) is (kind == "remote")


@pytest.mark.parametrize(
    "kind", ["ext4", "btrfs", "xfs", "zfs", "apfs", "overlay", "tmpfs", "fuseblk", "fuse", "local", ""]
)
def test_local_file_systems_are_allowed(kind: str) -> None:
    assert not is_network(kind)


@pytest.mark.parametrize(
    "kind", ["9p", "nfs", "nfs4", "smb3", "smbfs", "vboxsf", "fuse.s3fs", "macfuse.sshfs", "lustre"]
)
def test_shared_file_systems_are_not(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_this_machine_can_tell() -> None:
    assert file_system(Path("/proc/self")) == "proc"


def test_a_machine_that_cannot_tell_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("mount", 5)

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", fail)
    assert file_system(Path.cwd()) == ""
    assert not is_network("")


def test_macos_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = subprocess.CompletedProcess([], 0, f"nas:/x on {tmp_path.resolve()} (nfs)\n")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: told)
    assert file_system(tmp_path) == "nfs"


def test_windows_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(filesystem, "_drive_type", lambda _: filesystem.DRIVE_REMOTE)
    monkeypatch.setattr(sys, "platform", "win32")
    assert file_system(tmp_path) == "remote"
