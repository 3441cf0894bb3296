"""Pictures of the window as files."""

from __future__ import annotations

import numpy as np
from PIL import Image

from napari_phenotyper.views.picture_file import save_picture


def window():
    """A picture with flat ground, thin coloured lines and some noise, as a window with cells is."""
    rng = np.random.default_rng(0)
    pixels = np.full((600, 900, 4), 40, np.uint8)
    pixels[::7, :, 0] = 230
    pixels[100:400, 100:500, :3] = rng.integers(0, 90, (300, 400, 3))
    return pixels


def test_a_picture_takes_no_more_than_it_may_and_keeps_its_size(tmp_path):
    save_picture(window(), tmp_path / "new" / "a.jpg", 90_000)
    assert (tmp_path / "new" / "a.jpg").stat().st_size <= 90_000
    assert Image.open(tmp_path / "new" / "a.jpg").size == (900, 600)


def test_a_picture_is_as_good_as_its_room_allows(tmp_path):
    errors = []
    for name, most in (("small", 90_000), ("large", 400_000)):
        save_picture(window(), tmp_path / f"{name}.jpg", most)
        read = np.asarray(Image.open(tmp_path / f"{name}.jpg")).astype(float)
        errors.append(np.abs(read - window()[..., :3]).mean())
    assert errors[1] < errors[0]
