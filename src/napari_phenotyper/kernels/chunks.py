"""Read small windows out of a zarr array: its metadata as plain JSON, and of its chunks only those that are needed.

zarr reads any region of any array, but takes 2 ms to open one and 4 ms to read a window, of which a chunk of 2 MB
decodes in one; a gallery reads hundreds (`benchmarks/bench_seeing.py`). What is stored in another way than most plates
is left to zarr.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Slices: TypeAlias = tuple[slice, slice]
Decoder: TypeAlias = Callable[[bytes], Any]

_CODECS = ("blosc", "zstd")
"""Which zarr and numcodecs call the same."""


@dataclass(frozen=True)
class ChunkedArray:
    """An array whose chunks are files that one codec decodes to plain numbers in C order.

    Attributes
    ----------
    folder
        Of the array.
    shape, chunks
        Of the array, and of each chunk.
    dtype
        As numpy writes it, with its byte order.
    codec
        What numcodecs calls it, "blosc" or "zstd"; "" where chunks are not compressed.
    prefix, separator
        A chunk's file is the prefix and its numbers, with the separator between.
    fill
        Value of the pixels of chunks that are not there.
    """

    folder: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str
    codec: str
    prefix: str
    separator: str
    fill: float

    def windows(self, before: Sequence[int], regions: Sequence[Slices], decode: Decoder) -> list[NDArray[np.generic]]:
        """Return rows and columns of one plane for each of some regions; a chunk that several need is decoded once.

        Parameters
        ----------
        before
            Position on each axis before the last two.
        regions
            Rows and columns, each with a start and a stop within the array.
        decode
            Decodes the bytes of a chunk.

        Raises
        ------
        OSError, ValueError, RuntimeError
            Where a chunk is damaged.
        """
        known: dict[tuple[int, int], NDArray[np.generic] | None] = {}
        found = []
        for rows, columns in regions:
            out = np.full((rows.stop - rows.start, columns.stop - columns.start), self.fill, self.dtype)
            for i in range(rows.start // self.chunks[-2], -(-rows.stop // self.chunks[-2])):
                for j in range(columns.start // self.chunks[-1], -(-columns.stop // self.chunks[-1])):
                    if (i, j) not in known:
                        known[i, j] = self._plane(before, i, j, decode)
                    self._copy(known[i, j], (i, j), (rows, columns), out)
            found.append(out)
        return found

    def _plane(self, before: Sequence[int], i: int, j: int, decode: Decoder) -> NDArray[np.generic] | None:
        """Return the plane of a chunk, None if it is not there: zarr leaves out what is empty."""
        numbers = [position // size for position, size in zip(before, self.chunks, strict=False)]
        place = Path(self.folder, self.prefix + self.separator.join(map(str, [*numbers, i, j])))
        try:
            stored = place.read_bytes()
        except FileNotFoundError:
            return None
        raw = np.frombuffer(decode(stored), self.dtype)
        if raw.size != math.prod(self.chunks):
            raise ValueError(f"the chunk {place} holds {raw.size} pixels, not {math.prod(self.chunks)}")
        inside = tuple(position % size for position, size in zip(before, self.chunks, strict=False))
        plane: NDArray[np.generic] = raw.reshape(self.chunks)[inside]
        return plane

    def _copy(
        self, plane: NDArray[np.generic] | None, chunk: tuple[int, int], region: Slices, out: NDArray[np.generic]
    ) -> None:
        """Put what a chunk has of a region into it."""
        if plane is None:
            return
        into, of = [], []
        for number, size, part in zip(chunk, self.chunks[-2:], region, strict=True):
            first, last = max(part.start, number * size), min(part.stop, (number + 1) * size)
            into.append(slice(first - part.start, last - part.start))
            of.append(slice(first - number * size, last - number * size))
        out[tuple(into)] = plane[tuple(of)]


def decoder(codec: str) -> Decoder:
    """Return what decodes the chunks of a `ChunkedArray` with such a codec."""
    if not codec:
        return bytes
    from numcodecs import get_codec

    decode: Decoder = get_codec({"id": codec}).decode
    return decode


def chunked_array(folder: Path) -> ChunkedArray | None:
    """Return how an array is stored; None where zarr must read it (shards, filters, Fortran order, other codecs)."""
    for name, read in (("zarr.json", _version_3), (".zarray", _version_2)):
        try:
            said = json.loads((folder / name).read_bytes())
            return read(str(folder), said)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return None
    return None


def _version_3(folder: str, said: Mapping[str, Any]) -> ChunkedArray | None:
    first, *others = said["codecs"]
    keys, grid = said["chunk_key_encoding"], said["chunk_grid"]
    plain = first["name"] == "bytes" and grid["name"] == "regular" and not said.get("storage_transformers")
    if not plain or len(others) > 1 or keys["name"] not in ("default", "v2"):
        return None
    dtype = np.dtype(said["data_type"])
    endian = (first.get("configuration") or {}).get("endian", "little")
    codec = others[0]["name"] if others else ""
    if codec not in ("", *_CODECS):
        return None
    newer = keys["name"] == "default"
    separator = (keys.get("configuration") or {}).get("separator", "/" if newer else ".")
    return _array(
        folder, said["shape"], grid["configuration"]["chunk_shape"],
        dtype.newbyteorder("<" if endian == "little" else ">"), codec,
        f"c{separator}" if newer else "", separator, said["fill_value"],
    )  # fmt: skip


def _version_2(folder: str, said: Mapping[str, Any]) -> ChunkedArray | None:
    codec = said["compressor"]
    name = codec["id"] if codec else ""
    if name not in ("", *_CODECS) or said["filters"] or said["order"] != "C":
        return None
    separator = said.get("dimension_separator") or "."
    return _array(
        folder, said["shape"], said["chunks"], np.dtype(said["dtype"]), name, "", separator, said["fill_value"]
    )


def _array(
    folder: str, shape: Sequence[int], chunks: Sequence[int], dtype: np.dtype[Any], codec: str,
    prefix: str, separator: str, fill: Any,
) -> ChunkedArray | None:  # fmt: skip
    if dtype.kind not in "uif" or len(shape) < 2 or len(shape) != len(chunks):
        return None
    sizes, parts = tuple(map(int, shape)), tuple(map(int, chunks))
    return ChunkedArray(folder, sizes, parts, dtype.str, codec, prefix, separator, float(fill or 0))
