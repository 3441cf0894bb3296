"""Where a network runs, and in which numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from napari_phenotyper.core.errors import SettingError

Device = Literal["auto", "cpu", "cuda", "mps"]


def choose(name: Device = "auto") -> torch.device:
    """Return the device of that name; "auto" is CUDA where there is one, then Apple's GPU, then the processor.

    Raises
    ------
    SettingError
        If the device is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if not there.get(name, False):
        found = ", ".join(kind for kind, is_there in there.items() if is_there)
        raise SettingError(f"This computer has no device {name!r}.", f"It has: {found}.")
    return torch.device(name)


def short_floats_pay(device: torch.device) -> bool:
    """Tell whether bfloat16 is faster than float32 here: on processors with AMX (measured: 5 times), else not.

    Processors that only emulate it are slower with it, and so small networks gain nothing on a GPU.
    """
    if device.type != "cpu":
        return False
    ask = getattr(torch.cpu, "get_capabilities", None)  # older torch cannot tell
    return ask is not None and bool(ask().get("amx_bf16", False))


def has_room(device: torch.device, rows: Tensor) -> bool:
    """Tell whether all rows may stay on a GPU while a network learns from them: in a quarter of what is free."""
    return device.type == "cuda" and rows.nbytes <= torch.cuda.mem_get_info(device)[0] // 4


def in_parts(run: Callable[[Tensor], Tensor], rows: Tensor, size: int) -> Sequence[Tensor]:
    """Run something on parts of rows, halving the parts as long as memory runs out.

    Parameters
    ----------
    run
        Some of the rows to their result.
    rows
        (n, …) all of them.
    size
        How many at most at once.

    Returns
    -------
    The results, part after part.

    Raises
    ------
    RuntimeError
        Whatever else goes wrong, and memory that does not suffice for a single row.
    """
    found: list[Tensor] = []
    start = 0
    while start < len(rows):
        try:
            found.append(run(rows[start : start + size]))
        except RuntimeError as error:
            if size == 1 or not memory_ran_out(error):
                raise
            size = max(size // 2, 1)
        else:
            start += size
    return found


def side_by_side(run: Callable[[int], Tensor], count: int) -> list[Tensor]:
    """Return `run(0)` to `run(count - 1)`, on as many threads as torch may use, each of which computes alone.

    Small networks gain little from threads that share each layer out, and wait for one another at its end: on a busy
    machine for longer than they compute.
    """
    threads = min(torch.get_num_threads(), count)
    if threads < 2:
        return [run(number) for number in range(count)]
    with ThreadPoolExecutor(threads, initializer=_compute_alone) as pool:
        return list(pool.map(run, range(count)))


def _compute_alone() -> None:
    """Let what torch does in this thread run in it alone."""
    torch.get_num_threads()  # asked first, or torch would set its own number later
    _libraries().limit(limits=1, user_api="openmp")


@functools.cache
def _libraries() -> ThreadpoolController:
    """Look up what computes in threads: kept, as that takes longer than to predict ten crops."""
    return ThreadpoolController()


def memory_ran_out(error: RuntimeError) -> bool:
    """Tell whether an error of torch means that memory ran out, of the GPU or of the computer."""
    told = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in told or "can't allocate memory" in told
