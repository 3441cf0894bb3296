"""A network's weights as plain arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ModelError

Net = TypeVar("Net", bound=torch.nn.Module, covariant=True)


class Builds(Protocol[Net]):
    """The numbers that a network of some kind is built from."""

    def build(self) -> Net:
        """Return a network whose weights are not drawn yet."""


def to_arrays(net: torch.nn.Module, prefix: str = "net.") -> dict[str, NDArray[np.generic]]:
    """Return copies of all weights and running statistics by name."""
    return {prefix + name: value.detach().cpu().contiguous().numpy().copy() for name, value in net.state_dict().items()}


def from_arrays(architecture: Builds[Net], arrays: Mapping[str, NDArray[np.generic]], prefix: str = "net.") -> Net:
    """Return the network, ready to predict, that `to_arrays` described.

    Raises
    ------
    ModelError
        If an array is missing, is of another shape or type, or holds a value that is not finite.
    """
    with torch.device("meta"):
        net = architecture.build()
    values = {}
    for name, wanted in net.state_dict().items():
        array = arrays.get(prefix + name)
        whole = not wanted.dtype.is_floating_point
        if array is None or array.shape != tuple(wanted.shape) or (array.dtype.kind == "f") == whole:
            raise ModelError(
                f"The model's weights {name!r} are missing or of another shape.",
                "The file is damaged or of another network; train again.",
            )
        if not np.isfinite(array).all():
            raise ModelError(f"The model's weights {name!r} are not finite.", "The file is damaged; train again.")
        values[name] = torch.from_numpy(np.array(array)).to(wanted.dtype)
    net.load_state_dict(values, assign=True)
    return net.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]
