"""Where a network runs, and in which numbers."""

from __future__ import annotations

from typing import Literal

import torch

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
