"""Decision values of machines with a Gaussian kernel by torch: on a GPU, or in bfloat16 on a processor with AMX.

Three steps make a block: a matrix product that gives −γ‖x − v‖² + c, the exponential in place, and a product with the
weights of all pairs, which here cost next to nothing. c brings the exponents near 0, where bfloat16 is finest; norms go
into the first product as a coarse and a fine column. Measured, decision values err by 0.0003 of the weights' norm.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

    from napari_phenotyper.kernels.rbf import Machines

Float32 = NDArray[np.float32]

CELLS = 512
"""Cells of a block on a processor."""
CELLS_GPU = 32_768
"""Cells of a block on a GPU."""
SHIFT = 20.0
"""Exponents are moved by no more than this, so that no kernel value overflows."""


def device() -> str:
    """Return "cuda" where torch is loaded already and has found such a GPU: importing torch costs two seconds."""
    torch = sys.modules.get("torch")
    return "cuda" if torch is not None and torch.cuda.is_available() else "cpu"


def decisions(machines: Machines, scores: Float32, short: bool) -> Float32:
    """Return (n, P) decision values of (n, D) standard scores, as `rbf.decisions` does.

    Parameters
    ----------
    machines
        Of all pairs.
    scores
        As the machines were trained on.
    short
        Whether in bfloat16; else float32.
    """
    import torch

    where, dtype = device(), torch.bfloat16 if short else torch.float32
    out = np.empty((len(scores), len(machines.intercept)), np.float32)
    with torch.inference_mode():
        vectors, weights, shift = _prepared(machines, where, dtype)
        size = CELLS_GPU if where == "cuda" else CELLS
        for start in range(0, len(scores), size):
            block = torch.from_numpy(np.ascontiguousarray(scores[start : start + size])).to(where)
            square = shift / 2 - machines.gamma * (block * block).sum(dim=1, keepdim=True)
            ones = torch.ones((len(block), 2), dtype=dtype, device=where)
            wide = torch.cat([block.to(dtype), *_coarse_and_fine(square, dtype), ones], dim=1)
            kernel = torch.mm(wide, vectors).exp_()
            out[start : start + size] = torch.mm(kernel, weights).float().cpu().numpy()
    out += machines.intercept
    return -out if len(machines.counts) == 2 else out


def _prepared(machines: Machines, where: str, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return (D + 4, S) vectors with their norms, (S, P) weights, and what is added to every exponent."""
    import torch

    spread = machines.vectors.var(axis=0, dtype=np.float64).sum()
    shift = float(min(2 * machines.gamma * spread, SHIFT))
    vectors = torch.from_numpy(machines.vectors).to(where).T
    square = shift / 2 - machines.gamma * (vectors * vectors).sum(dim=0, keepdim=True)
    ones = torch.ones((2, vectors.shape[1]), dtype=dtype, device=where)
    wide = torch.cat([(2 * machines.gamma * vectors).to(dtype), ones, *_coarse_and_fine(square, dtype)])
    weights = torch.from_numpy(machines.pair_weights() * np.float32(np.exp(-shift))).to(where, dtype)
    return wide, weights, shift


def _coarse_and_fine(values: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Return float32 values as the sum of two of a shorter type."""
    coarse = values.to(dtype)
    return coarse, (values - coarse.float()).to(dtype)
