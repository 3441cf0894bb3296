"""How a plate was lit is found from its nuclei, and only what helps on wells that had no part in it is used unasked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_phenotyper.evaluation.illumination import Lighting, lighting
from napari_phenotyper.evaluation.light_sights import sight

SIZE, OFFSET = 256, 100


def dome(fall=1.0, shape=(SIZE, SIZE)):
    y, x = (np.linspace(-1, 1, side) for side in shape)
    gain = np.exp(-fall * ((y[:, None] - 0.2) ** 2 + (x[None] + 0.1) ** 2) / 2)
    return gain / gain.mean()


def field(rng, gain, nuclei=40, background=60.0, shape=(SIZE, SIZE), dtype=np.uint16):
    """Nuclei of differing brightness, lit unevenly, above a camera's offset."""
    spots = np.zeros(shape)
    y, x = rng.integers(0, shape[0], nuclei), rng.integers(0, shape[1], nuclei)
    spots[y, x] = rng.lognormal(0, 0.35, nuclei)
    image = 1500 * ndimage.gaussian_filter(spots, 4) / 0.01
    return np.clip(rng.poisson((image + background) * gain) + OFFSET, 0, 65535).astype(dtype)


def plate(gain, fields=24, seed=0, **look):
    rng = np.random.default_rng(seed)
    return [field(rng, gain, **look) for _ in range(fields)]


def found(images, wells=None):
    return lighting([sight(image) for image in images], wells or list(range(len(images))))


def left(lit, gain):
    """The standard deviation of what the estimate leaves of the unevenness."""
    return np.std(lit.flat.gain_image() / gain)


def test_uneven_light_is_found_and_used():
    gain = dome()
    lit = found(plate(gain))
    assert lit.helps and left(lit, gain) < 0.06 < 0.2 < np.std(gain)
    assert lit.after < 0.5 * lit.before


def test_even_light_is_left_alone():
    lit = found(plate(np.ones((SIZE, SIZE))))
    assert not lit.helps and "%" in lit.why


def test_wells_of_differing_background_and_brightness_do_not_spoil_it():
    gain, rng = dome(), np.random.default_rng(1)
    images = [field(rng, gain, background=b) for b in rng.uniform(20, 400, 24)]
    assert left(found(images), gain) < 0.07


def test_the_cameras_offset_is_not_taken_for_light():
    gain = dome()
    lit = found([image + np.uint16(2000) for image in plate(gain)])
    assert left(lit, gain) < 0.06


def test_empty_blank_and_broken_fields_do_not_spoil_it():
    gain = dome()
    images = plate(gain)
    rng = np.random.default_rng(2)
    images += [field(rng, gain, nuclei=0), np.zeros((SIZE, SIZE), np.uint16), np.full((SIZE, SIZE), np.nan)]
    images += [np.full((SIZE, SIZE), 65535, np.uint16), np.zeros((1, 1), np.uint8)]
    lit = found(images)
    assert lit.helps and left(lit, gain) < 0.06


def test_nuclei_at_the_cameras_ceiling_do_not_flatten_it():
    gain = dome()
    images = [np.minimum(image, 3000) for image in plate(gain)]
    assert left(found(images), gain) < 0.12


def test_brightness_that_only_some_wells_have_in_a_corner_is_not_taken_for_light():
    images, corner = plate(np.ones((SIZE, SIZE)), fields=12), dome(3.0)
    images[3] = field(np.random.default_rng(5), corner)
    assert not found(images).helps


def test_few_fields_give_an_estimate_that_is_not_used_unasked():
    lit = found(plate(dome(), fields=3))
    assert lit.flat is not None and not lit.helps and "too few" in lit.why


def test_a_plate_without_nuclei_gives_no_estimate():
    lit = found(plate(dome(), nuclei=0))
    assert lit.flat is None and not lit.helps and "too few" in lit.why


def test_no_field_gives_no_estimate():
    assert found([]).flat is None


def test_fields_of_another_size_do_not_count():
    gain, rng = dome(), np.random.default_rng(3)
    images = plate(gain)
    images.insert(4, field(rng, np.ones((300, 200)), shape=(300, 200)))
    lit = found(images)
    assert lit.flat.shape == (SIZE, SIZE) and lit.fields == 24


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_the_type_of_the_pixels_does_not_matter(dtype):
    images = plate(dome())
    one, other = found(images), found([image.astype(dtype) for image in images])
    assert np.allclose(one.flat.gain_image(), other.flat.gain_image(), atol=1e-4)


def test_the_same_fields_give_the_same_estimate():
    images = plate(dome())
    assert found(images).flat == found(images).flat


def test_the_state_survives_a_round_trip():
    for lit in (found(plate(dome())), found([])):
        assert Lighting.restore(lit.state()).state() == lit.state()
