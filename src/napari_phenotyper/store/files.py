"""Files that are whole or not there: written beside their place, renamed into it, and errors that say what to do."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from napari_phenotyper.core.errors import PhenotyperError, ProjectError
from napari_phenotyper.core.keys import Json

Guard = Callable[[], None]
"""Called before every write; raises ProjectError where writing is not allowed."""

TEMPORARY = ".tmp-"
"""How the names of unfinished files and folders begin."""

LEFT_OVER_AFTER = 900.0
"""Seconds without a change after which a temporary file is taken for the remains of a job that died."""

_WAITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NORMAL_WELL = re.compile(r"[A-Z]{1,2}\d{2}")
_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


def writable() -> None:
    """Allow every write: the guard of a store that is not part of a read-only project."""


@lru_cache(maxsize=4096)
def safe_name(text: str) -> str:
    """Return a file name for any text: a readable part of up to 24 characters and eight digits of a digest.

    Safe on Windows, macOS and Linux. Texts that differ, if only in case or beyond the readable part, have
    names that differ, also where the file system does not tell upper from lower case.
    """
    slug = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:24]
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}-{mark}" if slug else mark


def well_file(well: str) -> str:
    """Return the file name of a well: its own name where that is normal ("B03"), else a safe one."""
    return well if _NORMAL_WELL.fullmatch(well) else safe_name(well)


def checked_key(key: str) -> str:
    """Return a key or an id that is safe as a file name.

    Raises
    ------
    ProjectError
        For anything but 1 to 64 letters, digits, dots, dashes and underscores.
    """
    if not _KEY.fullmatch(key):
        raise ProjectError(
            f"{key!r} cannot be the name of a result.", "Use up to 64 letters, digits, dots, dashes and underscores."
        )
    return key


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError of the body into a ProjectError that names the path and the remedy."""
    try:
        yield
    except PhenotyperError:
        raise
    except OSError as error:
        raise project_error(error, path) from error


def project_error(error: OSError, path: Path) -> ProjectError:
    """Return the ProjectError that says what an OSError means for a path of the project."""
    if error.errno in _FULL:
        return ProjectError(
            f"There is no space left for {path}.",
            "Free some space (`phenotyper clean PROJECT` drops what nothing needs) and try again; "
            "what was saved before is whole.",
        )
    if error.errno in _FORBIDDEN:
        return ProjectError(
            f"{path} may not be written or read ({error.strerror}).",
            "Give yourself the right to, close programs that hold it, or copy the project to a folder of your own.",
        )
    if error.errno == errno.ENAMETOOLONG:
        return ProjectError(f"The path {path} is too long for this system.", "Move the project nearer to the root.")
    if error.errno == errno.ENOENT:
        return ProjectError(f"{path} is not there.", "Check that the drive is connected and that nobody moved it.")
    return ProjectError(
        f"{path} could not be written or read: {error.strerror or error}.",
        "Check that the drive is connected and healthy, then try again.",
    )


def is_damage(error: BaseException) -> bool:
    """Tell whether an error of reading means that the file is damaged, not that the disk or the rights failed."""
    cause = error.__cause__ if isinstance(error, PhenotyperError) else error
    return not isinstance(cause, OSError) or cause.errno in (None, errno.ENOENT)


def temporary(folder: Path) -> Path:
    """Return a new temporary path in a folder."""
    return folder / f"{TEMPORARY}{uuid.uuid4().hex[:12]}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what the body writes there takes its place, flushed to the disk.

    If the body raises, `path` stays as it was and nothing is left behind.

    Raises
    ------
    ProjectError
        If the disk is full, the folder may not be written …
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = temporary(path.parent)
        try:
            yield scratch
            _flush(scratch)
            patiently(lambda: scratch.replace(path))
            _flush_folder(path.parent)
        finally:
            discard(scratch)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises ProjectError."""
    with replacing(path) as scratch:
        scratch.write_bytes(data)


def write_json(path: Path, value: Mapping[str, Json]) -> None:
    """Write JSON, indented, whole or not at all. Raises ProjectError."""
    write_bytes(path, json.dumps(value, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def read_json(path: Path) -> dict[str, Json]:
    """Return the JSON object in a file.

    Raises
    ------
    ProjectError
        If the file is not there, or holds no JSON object.
    """
    with explained(path):
        data = path.read_bytes()
    try:
        value = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise ProjectError(f"{path} is damaged: {error}.", "Restore it from a backup.") from error
    if not isinstance(value, dict):
        raise ProjectError(f"{path} is damaged: it holds no JSON object.", "Restore it from a backup.")
    return value


def place_folder(scratch: Path, target: Path, whole: Callable[[Path], bool]) -> None:
    """Rename a finished folder to its place; where a whole one lies already, keep that and discard the new one.

    Safe for several processes that make the same folder at once: the names are keys, so all of them made the same.

    Parameters
    ----------
    scratch
        A finished folder on the same file system.
    target
        Its place.
    whole
        Tells of the folder at `target` whether it is whole; one that is not is replaced.
    """
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if whole(target):
                return
            if target.exists():
                discard(target)
            patiently(lambda: scratch.rename(target))
        except OSError:
            if not whole(target):
                raise
        finally:
            discard(scratch)


def patiently(action: Callable[[], object]) -> None:
    """Do something to a file, again for up to a second while Windows refuses because somebody looks at it."""
    for wait in _WAITS:
        try:
            action()
        except PermissionError:
            time.sleep(wait)
        else:
            return
    action()


def discard(path: Path) -> int:
    """Remove a file or folder if it is there; return how many bytes it held.

    A folder is first renamed, so that nobody finds half of it. What Windows does not let go, because it is mapped
    or open somewhere, stays.
    """
    size = held(path)
    if path.is_dir():
        doomed = path
        if not path.name.startswith(TEMPORARY):
            doomed = temporary(path.parent)
            with suppress(OSError):
                path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return size - held(path)


def held(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 if it is not there."""
    files = path.rglob("*") if path.is_dir() else (path,)
    size = 0
    for file in files:
        with suppress(OSError):
            size += file.stat().st_size if file.is_file() else 0
    return size


def discard_left_overs(folder: Path) -> int:
    """Remove temporary files and folders that no living job can still be writing; return the bytes freed."""
    oldest = time.time() - LEFT_OVER_AFTER
    freed = 0
    for path in list(folder.rglob(f"{TEMPORARY}*")):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                freed += discard(path)
    return freed


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a power cut; Windows does so by itself and some file systems do not let us."""
    if os.name != "posix":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
