"""What glibc's malloc keeps for itself: many threads that each had a big field leave as many half empty heaps behind.

Other systems' allocators do not open a heap for each thread; there, both functions do nothing.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

_M_ARENA_MAX = -8
"""Of malloc.h; see mallopt(3)."""
_ARENAS = 2


@functools.cache
def share_heaps() -> None:
    """Let all threads of this process share two heaps; without effect once there are more than eight.

    Else glibc opens up to eight a core, and each stays as large as it ever was: a desk's dozen threads kept a copy of
    the largest field each. A user who set MALLOC_ARENA_MAX is left alone.
    """
    libc = _glibc()
    if libc is not None and "MALLOC_ARENA_MAX" not in os.environ:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Return what has been freed to the system, as after a project is closed; some milliseconds."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
