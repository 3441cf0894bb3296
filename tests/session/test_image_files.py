"""Images and label images of any common kind; what cannot be used is named with a remedy."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.session.image_files import image_files, read_image, read_labels, stem


@pytest.fixture
def grey():
    return np.random.default_rng(0).integers(0, 200, (20, 31)).astype(np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int32", "bool"])
def test_grey_tiffs_keep_their_values(tmp_path, grey, dtype):
    image = (grey > 100) if dtype == "bool" else grey.astype(dtype) * (3 if dtype != "uint8" else 1)
    tifffile.imwrite(tmp_path / "a.tif", image)
    assert np.array_equal(read_image(tmp_path / "a.tif"), image * (255 if dtype == "bool" else 1))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "planar.tif", "alpha.png", "palette.png", "palette.tif"])
def test_of_colours_the_strongest_counts_at_each_pixel(tmp_path, grey, name):
    colours = np.stack([grey // 9, grey // 3, grey], axis=2)  # a nucleus painted blue
    path = tmp_path / name
    if name == "palette.tif":
        ramp = (np.arange(256)[::-1] * 257).astype(np.uint16)
        tifffile.imwrite(path, 255 - grey, photometric="palette", colormap=np.stack([ramp // 9, ramp // 3, ramp]))
        assert np.array_equal(read_image(path), grey.astype(np.uint16) * 257)
        return
    if name == "planar.tif":
        tifffile.imwrite(path, np.moveaxis(colours, 2, 0), photometric="rgb", planarconfig="separate")
    elif name == "a.tif":
        tifffile.imwrite(path, colours, photometric="rgb")
    elif name == "alpha.png":
        Image.fromarray(np.dstack([colours, np.full(grey.shape, 255, np.uint8)])).save(path)
    elif name == "palette.png":
        Image.fromarray(colours).quantize(256).save(path)
    else:
        Image.fromarray(colours).save(path)
    assert np.abs(read_image(path).astype(int) - grey).max() <= (4 if name == "palette.png" else 0)


def test_deep_pngs_keep_their_16_bits(tmp_path, grey):
    deep = grey.astype(np.uint16) * 300
    Image.fromarray(deep).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), deep)


@pytest.mark.parametrize("kind", ["truncated tiff", "truncated png", "text", "empty", "pages", "channels", "frames"])
def test_what_is_not_one_whole_plane_is_named_with_a_remedy(tmp_path, grey, kind):
    path = tmp_path / ("a.png" if "png" in kind or kind == "frames" else "a.tif")
    if kind == "pages":
        tifffile.imwrite(path, np.stack([grey] * 5))
    elif kind == "channels":
        tifffile.imwrite(path, np.stack([grey] * 2), imagej=True, metadata={"axes": "CYX"})
    elif kind == "frames":
        Image.fromarray(grey).save(path, save_all=True, append_images=[Image.fromarray(grey // 2)])
    elif kind in ("text", "empty"):
        path.write_text("hello" if kind == "text" else "")
    else:
        Image.fromarray(grey).save(path)
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(PixelError) as caught:
        read_image(path)
    assert str(path) in caught.value.what and caught.value.remedy


def test_labels_come_as_they_are_from_tiff_png_and_palettes(tmp_path):
    labels = np.zeros((20, 30), np.uint16)
    labels[2:6, 2:6], labels[10:15, 10:20] = 3, 700
    tifffile.imwrite(tmp_path / "a.tif", labels)
    Image.fromarray(labels).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "f.tif", labels.astype(np.float32))
    for name in ("a.tif", "a.png", "f.tif"):
        assert np.array_equal(read_labels(tmp_path / name), labels)
    painted = Image.fromarray((labels % 256).astype(np.uint8), "P")
    painted.putpalette(list(np.random.default_rng(0).integers(0, 256, 768)))
    painted.save(tmp_path / "p.png")
    assert np.array_equal(read_labels(tmp_path / "p.png"), labels % 256)


def test_of_a_binary_mask_the_connected_parts_are_the_objects(tmp_path):
    mask = np.zeros((20, 30), np.uint8)
    mask[2:6, 2:6], mask[10:15, 10:20] = 255, 255
    Image.fromarray(mask).save(tmp_path / "a.png")
    assert np.unique(read_labels(tmp_path / "a.png")).tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", ["coloured", "broken"])
def test_what_holds_no_labels_is_told(tmp_path, grey, kind):
    if kind == "coloured":
        tifffile.imwrite(tmp_path / "a.tif", np.stack([grey, grey // 2, grey // 3], 2), photometric="rgb")
    else:
        tifffile.imwrite(tmp_path / "a.tif", grey / np.float32(7))
    with pytest.raises(PixelError, match="not labels"):
        read_labels(tmp_path / "a.tif")


def test_only_images_of_the_folder_itself_count(tmp_path, grey):
    for name in ("b.PNG", "a.tiff", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "c.png").mkdir()
    assert [path.name for path in image_files(tmp_path)] == ["a.tiff", "b.PNG"]
    assert stem(tmp_path / "x.y.ome.tif") == "x.y"
