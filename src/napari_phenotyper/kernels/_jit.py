"""How loops are compiled: once, kept on disk, and running without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Return a compiled function.

    numba keeps the machine code beside the source, or in the user's cache folder where that cannot be written to, so
    that a loop is compiled once for each user and version, at its first call.
    """
    compiled: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
    return compiled
