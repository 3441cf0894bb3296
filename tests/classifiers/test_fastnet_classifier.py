"""The fast network on crops."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_phenotyper.classifiers._networks import held_out
from napari_phenotyper.classifiers.fastnet import FastNet
from napari_phenotyper.core.errors import ModelError, TrainingError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.nets.model import CropModel

Make = Callable[..., TrainingSet]
QUICK = FastNet(networks=1, size=16, width=8, epochs=3, views=2, device="cpu")


@pytest.mark.parametrize(("size", "channels"), [(3, 1), (5, 2), (17, 5)])
def test_crops_of_any_size_and_number_of_channels_are_learnt(make: Make, size: int, channels: int) -> None:
    training = make(n=24, size=size, channels=channels)
    model = replace(QUICK, size=size).fit(training, no_progress)
    assert model.predict(training.cells[0]).shape == (len(training.cells[0]), 3)


def test_cells_with_another_number_of_channels_are_refused(make: Make) -> None:
    model = QUICK.fit(make(n=24), no_progress)
    with pytest.raises(ModelError, match="2 channels"):
        model.predict(make(n=24, channels=2).cells[0])


def test_plates_of_different_channels_are_not_mixed(make: Make) -> None:
    one, two = make(n=12), make(n=12, channels=2)
    mixed = replace(
        one,
        cells=(*one.cells, *two.cells),
        labels=np.append(one.labels, two.labels),
        groups=np.append(one.groups, two.groups),
    )
    with pytest.raises(TrainingError, match="1, 2"):
        QUICK.fit(mixed, no_progress)


def test_cells_without_pixels_are_refused(make: Make) -> None:
    training = make(n=12)
    with pytest.raises(ModelError, match="pixels"):
        QUICK.fit(replace(training, cells=tuple(replace(c, pixels=None) for c in training.cells)), no_progress)


def test_the_crop_is_kept_with_the_model(make: Make) -> None:
    model = replace(QUICK, pixel_size=0.65, background="masked").fit(make(n=24), no_progress)
    crop = model.state().meta["crop"]
    assert crop == {
        "size": 16, "channels": [], "pixel_size": 0.65, "background": "masked", "normalisation": "crop"
    }  # fmt: skip


def test_the_process_is_left_as_it_was(make: Make) -> None:
    before = torch.random.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    QUICK.fit(make(n=24), no_progress)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[1:]


def test_another_seed_gives_another_model(make: Make) -> None:
    training = make(n=24)
    first, second = (QUICK.fit(replace(training, seed=s), no_progress).state().arrays for s in (0, 1))
    assert not np.array_equal(first["net0.stem.0.weight"], second["net0.stem.0.weight"])


def test_learning_goes_on_from_the_model_before(make: Make) -> None:
    training = make(n=60)
    before = replace(QUICK, epochs=20).fit(training, no_progress)
    warm = replace(QUICK, epochs=1).fit(replace(training, before=before), no_progress)
    cold = replace(QUICK, epochs=1).fit(training, no_progress)
    right = [
        np.mean([model.predict(c)[np.arange(len(c)), training.labels[training.groups == g]].mean()
                 for g, c in enumerate(training.cells)])
        for model in (warm, cold)
    ]  # fmt: skip
    assert right[0] > 0.6 > right[1]


def test_a_new_class_joins_the_model_before(make: Make) -> None:
    training = make(n=60)
    before = QUICK.fit(training.take(training.labels != 1), no_progress)
    model = QUICK.fit(replace(training, before=before), no_progress)
    assert isinstance(model, CropModel)
    assert model.known == training.classes


def test_a_model_before_of_another_shape_is_not_used(make: Make) -> None:
    training = make(n=24)
    before = replace(QUICK, width=4).fit(training, no_progress)
    warm = QUICK.fit(replace(training, before=before), no_progress).state().arrays
    cold = QUICK.fit(training, no_progress).state().arrays
    assert all(np.array_equal(warm[k], cold[k]) for k in cold)


def test_groups_held_out_are_whole_and_leave_every_class_to_learn(make: Make) -> None:
    training = make(n=960, wells=8)
    held = held_out(training)
    split = [g for g in range(8) if 0 < held[training.groups == g].sum() < (training.groups == g).sum()]
    assert held.any()
    assert not split
    assert set(training.labels[~held]) == set(training.labels)


def test_nothing_is_held_out_of_two_groups(make: Make) -> None:
    assert not held_out(make(n=960, wells=2)).any()


def test_of_few_cells_all_are_learnt_from(make: Make) -> None:
    assert not held_out(make(n=360, wells=12)).any()


def test_pixels_that_are_not_finite_are_survived(make: Make) -> None:
    training = make(n=24)
    training.cells[0].pixels.pixels[::3] = np.nan
    given = QUICK.fit(training, no_progress).predict(training.cells[0])
    assert np.isfinite(given).all()


def test_blank_crops_are_survived(make: Make) -> None:
    training = make(n=24)
    training.cells[0].pixels.pixels[:] = 0
    given = QUICK.fit(training, no_progress).predict(training.cells[0])
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-5)


def test_a_live_fit_makes_only_the_epochs_that_its_time_allows(make: Make) -> None:
    said = []
    training = replace(make(n=120), seconds=0.2)
    model = replace(QUICK, epochs=5000).fit(training, lambda _, message: said.append(message))
    assert said[-2].startswith("epoch") and int(said[-2].split()[-1]) < 1000
    assert model.predict(training.cells[0]).shape == (len(training.cells[0]), 3)


def test_live_slices_go_on_from_one_another(make: Make) -> None:
    training = replace(make(n=120), seconds=0.2)
    first = QUICK.fit(training, no_progress)
    second = QUICK.fit(replace(training, before=first), no_progress)
    names = set(first.state().arrays) - {"mean", "sd"}
    assert np.array_equal(first.state().arrays["mean"], second.state().arrays["mean"])
    assert any(not np.array_equal(first.state().arrays[n], second.state().arrays[n]) for n in names)


def test_a_fit_of_very_few_steps_is_a_fit(make: Make) -> None:
    for n in range(2, 40, 6):
        assert replace(QUICK, epochs=1).fit(make(n=n), no_progress).classes


def test_networks_are_made_ready_once_and_do_not_travel_with_the_model(make: Make) -> None:
    training = make(n=24)
    model = QUICK.fit(training, no_progress)
    assert isinstance(model, CropModel)
    before = len(pickle.dumps(model))
    given = model.predict(training.cells[0])
    assert model.ready is model.ready
    assert len(pickle.dumps(model)) == before
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(training.cells[0]), given)
