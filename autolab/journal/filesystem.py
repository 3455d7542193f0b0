"""Where a journal may lie: not on a network file system, whose locks and flushes do not hold.

SQLite's WAL needs shared memory between all processes and a flush that reaches the disk; its authors rule
network file systems out (https://sqlite.org/wal.html).
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

_NETWORK = re.compile(
    r"9p|acfs|afs|afpfs|beegfs|ceph|cifs|coda|davfs|fhgfs|glusterfs|gpfs|lustre|ncpfs|nfs\d?|orangefs|pvfs2|smb\d|smbfs"
    r"|prl_fs|vboxsf|vmhgfs|webdav|remote"
    r"|(mac|osx)?fuse\.(ceph(-fuse)?|davfs2|gcsfuse|glusterfs|goofys|grpcfuse|gvfsd-fuse|juicefs|osxfs|prl_fsd|rclone|s3fs"
    r"|seaweedfs|smbnetfs|sshfs|vmhgfs-fuse)"
)
MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})
DRIVE_REMOTE = 4  # winbase.h, GetDriveType
DriveType = Callable[[str], int]


def file_system(path: Path) -> str:
    """Return the type of the file system under `path`, or an empty text where it cannot be told.

    On Windows the answer is `remote` or `local`.
    """
    try:
        if sys.platform == "win32":
            return windows_type(str(path.resolve()), _drive_type)
        if sys.platform == "darwin":
            told = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=True)
            return macos_type(told.stdout, path)
        return linux_type(Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape"), path)
    except (OSError, subprocess.SubprocessError):
        return ""


def is_network(kind: str) -> bool:
    """Return whether a type as `file_system` gives it is a network's (or a virtual machine's shared folder)."""
    return _NETWORK.fullmatch(kind) is not None


def linux_type(mounts: str, path: Path) -> str:
    """Return the type of the mount that holds `path`, by the text of `/proc/mounts`.

    >>> linux_type("/dev/sda1 / ext4 rw 0 0" + chr(10) + "nas:/x /home/lab nfs4 rw 0 0", Path("/home/lab/c.sqlite"))
    'nfs4'
    """
    rows = (line.split(" ") for line in mounts.splitlines())
    return _deepest([(_unescaped(row[1]), row[2]) for row in rows if len(row) > 2], path)


def macos_type(told: str, path: Path) -> str:
    """Return the type of the mount that holds `path`, by what `mount` prints on macOS.

    >>> macos_type("/dev/disk3s1 on / (apfs, local)" + chr(10) + "//me@nas/x on /Volumes/my x (smbfs, nodev)", Path("/Volumes/my x/c"))
    'smbfs'
    """
    rows = re.findall(r"^.*? on (/.*) \(([^,)]+)", told, re.MULTILINE)
    return _deepest([(place, kind.strip()) for place, kind in rows], path)


def windows_type(path: str, drive_type: DriveType) -> str:
    r"""Return `remote` for a UNC path or a network drive, otherwise `local`.

    >>> windows_type("\\\\server\\share\\c.sqlite", lambda root: 3)
    'remote'
    """
    plain = path.replace("/", "\\")
    upper = plain.upper()
    if upper.startswith("\\\\?\\UNC\\"):
        return "remote"
    if upper.startswith(("\\\\?\\", "\\\\.\\")):
        plain = plain[4:]
    if plain.startswith("\\\\"):
        return "remote"
    root = PureWindowsPath(plain).anchor
    return "remote" if drive_type(root) == DRIVE_REMOTE else "local"


def _deepest(mounts: list[tuple[str, str]], path: Path) -> str:
    best, kind = -1, ""
    resolved = path.resolve()
    for place, mounted in mounts:
        depth = len(Path(place).parts)
        if depth >= best and resolved.is_relative_to(place):  # of two on one place, the later one covers the earlier
            best, kind = depth, mounted
    return kind


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)


def _drive_type(root: str) -> int:
    import ctypes

    if sys.platform != "win32":
        return 0
    return int(ctypes.windll.kernel32.GetDriveTypeW(root))
