"""One image file: headers, planes, and what damaged files say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.readers._images import header, plane
from napari_phenotyper.readers._units import micrometres

METAMORPH = (
    '<MetaData><PlaneInfo><prop id="spatial-calibration-state" type="bool" value="{state}"/>'
    '<prop id="spatial-calibration-x" type="float" value="0.65"/>'
    '<prop id="spatial-calibration-units" type="string" value="um"/></PlaneInfo></MetaData>'
)


def gradient(shape: tuple[int, ...] = (6, 8), dtype: str = "uint16") -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float32", "int16"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_a_tiff_comes_back_as_it_was_written(tmp_path: Path, dtype: str, compression: str | None) -> None:
    path, image = tmp_path / "a.tif", gradient(dtype=dtype)
    tifffile.imwrite(path, image, compression=compression)
    back = plane(str(path))
    np.testing.assert_array_equal(back, image)
    assert back.dtype.name == header(str(path)).dtype == image.dtype.newbyteorder("=").name


@pytest.mark.parametrize(("suffix", "dtype"), [("png", "uint8"), ("png", "uint16"), ("bmp", "uint8")])
def test_a_grey_picture_comes_back_as_it_was_written(tmp_path: Path, suffix: str, dtype: str) -> None:
    path, image = tmp_path / f"a.{suffix}", gradient(dtype=dtype)
    Image.fromarray(image).save(path)
    np.testing.assert_array_equal(plane(str(path)), image)
    assert header(str(path)).dtype == dtype
    assert header(str(path)).shape == (1, 1, 1, 6, 8)


@pytest.mark.parametrize("painted", [(0,), (1,), (2,), (0, 1, 2), (1, 2)])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_colour_picture_of_a_grey_signal_becomes_the_signal(
    tmp_path: Path, suffix: str, painted: tuple[int, ...]
) -> None:
    path, signal = tmp_path / f"a.{suffix}", gradient(dtype="uint8")
    colour = np.zeros((6, 8, 3), np.uint8)
    colour[..., list(painted)] = signal[..., None]
    if suffix == "tif":
        tifffile.imwrite(path, colour, photometric="rgb")
    else:
        Image.fromarray(colour).save(path)
    np.testing.assert_array_equal(plane(str(path)), signal)
    assert header(str(path)).shape == (1, 1, 1, 6, 8)


def test_opacity_is_no_signal(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    colour = np.dstack([gradient(dtype="uint8")] * 3 + [np.full((6, 8), 255, np.uint8)])
    Image.fromarray(colour, "RGBA").save(path)
    assert plane(str(path)).max() == gradient(dtype="uint8").max()


def test_a_mask_of_one_bit_is_black_and_white(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, gradient() % 2 == 0, photometric="minisblack")
    assert np.unique(plane(str(path))).tolist() == [0, 255]
    assert header(str(path)).dtype == "uint8"


@settings(max_examples=15, deadline=None)
@given(t=st.integers(1, 3), z=st.integers(1, 3), c=st.integers(1, 3), kind=st.sampled_from(["imagej", "ome"]))
def test_the_axes_inside_a_tiff_are_found(
    tmp_path_factory: pytest.TempPathFactory, t: int, z: int, c: int, kind: str
) -> None:
    path = tmp_path_factory.mktemp("axes") / "a.tif"
    stack = gradient((t, z, c, 5, 7))
    tifffile.imwrite(path, stack, metadata={"axes": "TZCYX"}, **{kind: True})
    assert header(str(path)).shape == (t, c, z, 5, 7)
    np.testing.assert_array_equal(plane(str(path), t - 1, c - 1, z - 1), stack[-1, -1, -1])
    np.testing.assert_array_equal(plane(str(path), 0, c - 1), stack[0, 0, -1])


@pytest.mark.parametrize(("pages", "shape"), [("z", (1, 1, 4, 6, 8)), ("c", (1, 4, 1, 6, 8))])
def test_pages_of_unstated_meaning_are_what_the_caller_says(tmp_path: Path, pages: str, shape: tuple[int, ...]) -> None:
    path, stack = tmp_path / "a.tif", gradient((4, 6, 8))
    with tifffile.TiffWriter(path) as tif:
        for page in stack:
            tif.write(page, contiguous=False, metadata=None)
    assert header(str(path), pages).shape == shape
    assert header(str(path), pages).loose == 4
    index = (0, 0, 2) if pages == "z" else (0, 2, 0)
    np.testing.assert_array_equal(plane(str(path), *index, pages), stack[2])


def test_one_plane_of_a_set_of_ome_files_is_read_without_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYCZT" Type="uint16" SizeX="8" SizeY="6" SizeC="2" SizeZ="1" SizeT="1" PhysicalSizeX="325" '
        'PhysicalSizeXUnit="nm"><Channel ID="Channel:0:0" Name="DAPI"/><Channel ID="Channel:0:1" Name="GFP"/>'
        '<TiffData FirstC="0" IFD="0"><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData>'
        '<TiffData FirstC="1" IFD="0"><UUID FileName="gone.ome.tif">urn:uuid:2</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    tifffile.imwrite(path, gradient(), description=xml, metadata=None)
    np.testing.assert_array_equal(plane(str(path)), gradient())
    assert header(str(path)).pixel_size == pytest.approx(0.325)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 0.325, "PhysicalSizeXUnit": "µm"}}, 0.325),
        ({"imagej": True, "resolution": (2.0, 2.0), "metadata": {"unit": "micron"}}, 0.5),
        ({"imagej": True, "resolution": (26.0, 26.0), "metadata": {"unit": "inch"}}, None),
        ({"imagej": True}, None),
        ({"description": METAMORPH.format(state="on"), "software": "MetaSeries", "metadata": None}, 0.65),
        ({"description": METAMORPH.format(state="off"), "software": "MetaSeries", "metadata": None}, None),
        ({"resolution": (1550.3, 1550.3), "resolutionunit": "CENTIMETER"}, None),
        ({"description": "<OME><broken", "metadata": None}, None),
    ],
)
def test_the_pixel_size_is_told_where_it_can_be_trusted(
    tmp_path: Path, options: dict[str, object], expected: float | None
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, gradient(), **options)
    assert header(str(path)).pixel_size == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("length", "unit", "expected"),
    [(1.0, "µm", 1.0), (1.0, "μm", 1.0), (650, "NM", 0.65), (6.5e-7, "m", 0.65), (1, "pixel", None), (0, "um", None)],
)
def test_lengths_come_in_micrometres(length: float, unit: str, expected: float | None) -> None:
    assert micrometres(length, unit) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("share", [0.05, 0.4, 0.8, 0.99])
def test_a_truncated_tiff_is_named_with_its_remedy(tmp_path: Path, compression: str | None, share: float) -> None:
    path = tmp_path / "cut.tif"
    noise = np.random.default_rng(0).integers(0, 60000, (64, 64), np.uint16)
    tifffile.imwrite(path, noise, compression=compression, rowsperstrip=8)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(PixelError, match=r"cut\.tif") as caught:
        plane(str(path))
    assert "Copy it again" in caught.value.remedy


def test_a_truncated_tiff_whose_decoder_would_fill_it_in_silence_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8), compression="jpeg")
    path.write_bytes(path.read_bytes()[:-200])
    assert tifffile.imread(path).shape == (64, 64)
    with pytest.raises(PixelError, match=r"cut\.tif .*truncated"):
        plane(str(path))


@pytest.mark.parametrize("width", [0, 2**32 - 1])
def test_a_tiff_of_impossible_size_is_named(tmp_path: Path, width: int) -> None:
    path = tmp_path / "odd.tif"
    tifffile.imwrite(path, gradient())
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[0].tags["ImageWidth"].valueoffset
        kind = tif.pages[0].tags["ImageWidth"].dtype
    raw = bytearray(path.read_bytes())
    size = 2 if kind == 3 else 4
    raw[offset : offset + size] = (width % 2 ** (8 * size)).to_bytes(size, "little")
    path.write_bytes(raw)
    with pytest.raises(PixelError, match=r"odd\.tif"):
        plane(str(path))


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg", "cut.bmp"])
def test_a_truncated_picture_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PixelError, match="cut"):
        plane(str(path))


@pytest.mark.parametrize("name", ["text.tif", "text.png", "text.jpeg"])
@pytest.mark.parametrize("content", [b"", b"this is a text, no image\n" * 9, b"II*\x00"])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for read in (lambda: header(str(path)), lambda: plane(str(path))):
        with pytest.raises(PixelError, match="text"):
            read()


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.touch()
    with pytest.raises(PixelError, match="0 bytes"):
        header(str(path))


def test_a_file_that_was_moved_is_named(tmp_path: Path) -> None:
    with pytest.raises(PixelError, match=r"gone\.tif is not there") as caught:
        plane(str(tmp_path / "gone.tif"))
    assert "Put it back" in caught.value.remedy


def test_a_plane_that_a_file_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, gradient((3, 6, 8)), imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(PixelError, match=r"a\.tif"):
        plane(str(path), 0, 0, 3)
