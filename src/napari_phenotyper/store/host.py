"""What the machine knows of processes and drives, without a library for it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "sshfs",
    "afs",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "gluster",
    "9p",
    "davfs",
    "fuse.s3",
)


def name() -> str:
    """Return the name of this machine."""
    return platform.node() or "unknown"


def started(pid: int) -> str | None:
    """Return a text that tells when a process of this machine started, so that a reused number is noticed.

    Returns
    -------
    None if there is no such process; an empty text if there is one but the system does not tell when it started.
    """
    if sys.platform == "win32":
        return _started_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except (PermissionError, OverflowError):
        pass  # another user's process, or a number that no process has: the next lines tell
    if Path("/proc/self/stat").exists():
        return _started_linux(pid)
    return _started_ps(pid)


def _started_linux(pid: int) -> str | None:
    """Read /proc (proc(5)): field 3 is the state, field 22 the start in clock ticks after boot."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return None
    fields = text[text.rindex(")") + 1 :].split()
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"


def _started_ps(pid: int) -> str | None:
    """Ask ps, in UTC and plain English, so that neither summer time nor the language changes the answer."""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, env={**os.environ, "TZ": "UTC", "LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() or None


def _started_windows(pid: int) -> str | None:
    """Ask the kernel: OpenProcess, GetExitCodeProcess, GetProcessTimes."""
    if sys.platform == "win32":
        import ctypes
        from ctypes import wintypes

        query, still_active, denied = 0x1000, 259, 5
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = wintypes.HANDLE
        kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
        for function in (kernel.GetExitCodeProcess, kernel.GetProcessTimes, kernel.CloseHandle):
            function.restype = wintypes.BOOL
        handle = kernel.OpenProcess(query, False, pid)
        if not handle:
            return "" if ctypes.get_last_error() == denied else None
        handle = wintypes.HANDLE(handle)
        try:
            code = wintypes.DWORD()
            if kernel.GetExitCodeProcess(handle, ctypes.byref(code)) and code.value != still_active:
                return None
            times = [wintypes.FILETIME() for _ in range(4)]
            if not kernel.GetProcessTimes(handle, *(ctypes.byref(t) for t in times)):
                return ""
            return str((times[0].dwHighDateTime << 32) | times[0].dwLowDateTime)
        finally:
            kernel.CloseHandle(handle)
    return None


def on_network_drive(path: Path) -> bool:
    """Tell whether a path is known to lie on a network drive, where sqlite's WAL mode loses its safety.

    Linux is asked through /proc/self/mountinfo (proc(5)), Windows through GetDriveType; elsewhere the answer is no,
    and the first write shows.
    """
    path = path.resolve()
    if sys.platform == "win32":
        import ctypes

        remote = 4
        anchor = path.anchor
        return anchor.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(anchor) == remote
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    best, kind = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = left.split()[4].replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind.removeprefix("fuse.").startswith(_NETWORK)
