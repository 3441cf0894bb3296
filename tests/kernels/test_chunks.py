"""Windows out of zarr arrays: the same pixels as zarr reads, whatever way they are stored in."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from napari_phenotyper.kernels.chunks import chunked_array, decoder

REGIONS = ((slice(0, 5), slice(0, 5)), (slice(7, 30), slice(3, 25)), (slice(29, 37), slice(20, 29)))
PIXELS = np.random.default_rng(0).integers(0, 60000, (2, 37, 29)).astype(np.uint16)

NEW = {
    "blosc": {"compressors": BloscCodec(cname="lz4", typesize=2)},
    "zstd": {"compressors": ZstdCodec(level=1)},
    "plain": {"compressors": None},
    "dots": {"chunk_key_encoding": {"name": "v2", "separator": "."}},
}
OLD = {
    "default": {},
    "plain": {"compressors": None},
    "slashes": {"chunk_key_encoding": {"name": "v2", "separator": "/"}},
}


def written(folder, version, how, dtype="uint16", **more):
    array = zarr.create_array(
        folder, shape=PIXELS.shape, chunks=(1, 16, 8), dtype=dtype, zarr_format=version, **{**how, **more}
    )
    array[:] = PIXELS.astype(dtype)
    return array


@pytest.mark.parametrize("dtype", ["uint16", "uint8", "int32", "float32", ">u2"])
@pytest.mark.parametrize(("version", "how"), [*((3, how) for how in NEW), *((2, how) for how in OLD)])
def test_windows_are_what_zarr_reads(tmp_path, version, how, dtype):
    if version == 3 and dtype == ">u2":
        pytest.skip("zarr 3 keeps the byte order in the codec")
    array = written(tmp_path / "a", version, (NEW if version == 3 else OLD)[how], dtype)
    found = chunked_array(tmp_path / "a")
    for channel in range(2):
        for window, region in zip(found.windows((channel,), REGIONS, decoder(found.codec)), REGIONS, strict=True):
            np.testing.assert_array_equal(window, array[(channel, *region)])


def test_chunks_of_several_planes_are_read(tmp_path):
    array = zarr.create_array(tmp_path / "a", shape=PIXELS.shape, chunks=(2, 16, 16), dtype="uint16")
    array[:] = PIXELS
    found = chunked_array(tmp_path / "a")
    (window,) = found.windows((1,), REGIONS[1:2], decoder(found.codec))
    np.testing.assert_array_equal(window, PIXELS[(1, *REGIONS[1])])


def test_a_chunk_that_is_not_there_has_the_fill_value(tmp_path):
    written(tmp_path / "a", 3, NEW["zstd"], fill_value=7)
    (tmp_path / "a" / "c" / "0" / "0" / "0").unlink()
    found = chunked_array(tmp_path / "a")
    (window,) = found.windows((0,), [(slice(0, 20), slice(0, 8))], decoder(found.codec))
    assert (window[:16] == 7).all()
    np.testing.assert_array_equal(window[16:], PIXELS[0, 16:20, :8])


def test_a_chunk_that_several_windows_need_is_decoded_once(tmp_path):
    written(tmp_path / "a", 3, NEW["zstd"])
    found, seen = chunked_array(tmp_path / "a"), []

    def decode(stored):
        seen.append(stored)
        return decoder(found.codec)(stored)

    found.windows((0,), [(slice(0, 4), slice(0, 4)), (slice(8, 12), slice(2, 6))], decode)
    assert len(seen) == 1


@pytest.mark.parametrize(
    "how", [{"compressors": GzipCodec()}, {"shards": (1, 32, 16)}, {"compressors": (ZstdCodec(), GzipCodec())}]
)
def test_what_is_stored_in_another_way_is_left_to_zarr(tmp_path, how):
    written(tmp_path / "a", 3, how)
    assert chunked_array(tmp_path / "a") is None


def test_a_chunk_that_is_cut_off_is_told(tmp_path):
    written(tmp_path / "a", 3, NEW["plain"])
    chunk = tmp_path / "a" / "c" / "0" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:100])
    with pytest.raises(ValueError, match="holds 50 pixels"):
        chunked_array(tmp_path / "a").windows((0,), REGIONS[:1], decoder(""))
