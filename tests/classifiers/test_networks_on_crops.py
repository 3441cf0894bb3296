"""What the classifiers of the pixel route add to one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_phenotyper.classifiers._networks import held_out
from napari_phenotyper.classifiers.deep_svm import DeepSupportVectorMachine
from napari_phenotyper.classifiers.fastnet import FastNet
from napari_phenotyper.classifiers.lipnet import LipNet
from napari_phenotyper.classifiers.resnet import ResNet
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.nets.deep import activations
from napari_phenotyper.nets.model import CropModel

Make = Callable[..., TrainingSet]
FAST = FastNet(networks=1, size=16, width=8, epochs=3, views=2, device="cpu")
RES = ResNet(networks=1, size=16, width=4, epochs=3, views=1, device="cpu")
DEEP = DeepSupportVectorMachine(size=16, epochs=6, views=1, device="cpu")


@pytest.mark.parametrize("variant", ["1", "2", "4", "4c", "6"])
def test_every_lipnet_learns_and_comes_back(make: Make, variant: str) -> None:
    training = make(n=60)
    lipnet = LipNet(networks=1, size=16, epochs=2, views=1, device="cpu", variant=variant)  # type: ignore[arg-type]
    model = lipnet.fit(training, no_progress)
    chunk = training.cells[0]
    np.testing.assert_array_equal(lipnet.restore(model.state()).predict(chunk), model.predict(chunk))


def test_dropout_is_drawn_from_the_seed_and_leaves_the_process_as_it_was(make: Make) -> None:
    lipnet = LipNet(networks=1, size=16, epochs=2, views=1, device="cpu", variant="1")
    before = torch.random.get_rng_state()
    states = []
    for _ in range(2):
        states.append(lipnet.fit(make(n=40), no_progress).state().arrays)
        assert torch.equal(torch.random.get_rng_state(), before)
        torch.rand(3)
        before = torch.random.get_rng_state()
    assert all(np.array_equal(states[0][k], states[1][k]) for k in states[0])


def test_a_live_slice_with_dropout_leaves_the_process_as_it_was(make: Make) -> None:
    before = torch.random.get_rng_state()
    LipNet(networks=1, size=16, views=1, device="cpu", variant="1").fit(replace(make(n=40), seconds=0.05), no_progress)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("classifier", [FAST, RES, LipNet(networks=1, epochs=1, views=1, device="cpu", variant="2")])
@pytest.mark.parametrize(("size", "channels"), [(3, 1), (12, 70)])
def test_crops_of_three_pixels_and_of_seventy_channels_are_learnt(classifier, size, channels, make: Make) -> None:
    training = make(n=24, size=size, channels=channels)
    model = replace(classifier, size=size).fit(training, no_progress)
    given = model.predict(training.cells[0])
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-5)


def test_several_networks_hold_out_different_cells(make: Make) -> None:
    training = make(n=960, wells=12)
    first, second = held_out(training, 0), held_out(training, 1)
    assert first.any() and second.any()
    assert not (first & second).any()


def test_several_networks_predict_by_the_mean_of_their_scores(make: Make) -> None:
    training = make(n=60)
    both = replace(FAST, networks=2).fit(training, no_progress)
    assert isinstance(both, CropModel)
    alone = [
        replace(both, networks=1, arrays={k.replace(f"net{i}.", "net0."): v for k, v in both.arrays.items()
                                          if not k.startswith(f"net{1 - i}.")})
        for i in (0, 1)
    ]  # fmt: skip
    chunk = training.cells[0]
    logs = [np.log(one.predict(chunk)) for one in alone]
    mean = np.exp((logs[0] + logs[1]) / 2)
    np.testing.assert_allclose(both.predict(chunk), mean / mean.sum(1, keepdims=True), rtol=1e-3)
    assert not np.allclose(logs[0], logs[1])


def test_the_first_of_several_networks_is_the_one_that_would_be_alone(make: Make) -> None:
    training = make(n=60)
    one, two = (replace(FAST, networks=n).fit(training, no_progress).state().arrays for n in (1, 2))
    assert all(np.array_equal(two[name], array) for name, array in one.items())


def test_a_live_fit_trains_one_network_only(make: Make) -> None:
    model = replace(FAST, networks=3).fit(replace(make(n=60), seconds=0.1), no_progress)
    assert isinstance(model, CropModel)
    assert (model.networks, model.views) == (1, 1)


def test_a_file_that_asks_for_too_many_networks_is_refused(make: Make) -> None:
    state = FAST.fit(make(n=24), no_progress).state()
    with pytest.raises(ModelError, match="networks"):
        FAST.restore(replace(state, meta={**state.meta, "networks": 10**9}))


def test_learned_features_are_a_row_per_cell_and_a_column_per_unit(make: Make) -> None:
    training = make(n=60)
    model = replace(FAST, networks=2).fit(training, no_progress)
    assert isinstance(model, CropModel)
    block = activations(model, training.cells[0])
    assert block.values.shape == (len(training.cells[0]), 2 * 2 * 32)
    assert block.columns[0] == "Deep_0_000" and len(set(block.columns)) == 128
    none = activations(model, training.cells[0].take(np.zeros(0, np.intp)))
    assert none.values.shape == (0, 128)


def test_learned_features_follow_their_cells(make: Make) -> None:
    training = make(n=60)
    model = FAST.fit(training, no_progress)
    assert isinstance(model, CropModel)
    chunk = training.cells[0]
    turned = activations(model, chunk.take(np.arange(len(chunk))[::-1]))
    np.testing.assert_allclose(turned.values[::-1], activations(model, chunk).values, atol=0.05)


def test_a_machine_on_learned_features_ignores_the_measured_ones_unless_told(make: Make) -> None:
    training = make(n=60)
    chunk = training.cells[0]
    bare = replace(chunk, blocks={})
    model = DEEP.fit(training, no_progress)
    np.testing.assert_array_equal(model.predict(bare), model.predict(chunk))
    both = replace(DEEP, measured=True).fit(training, no_progress)
    with pytest.raises(ModelError, match="column"):
        both.predict(bare)


def test_a_machine_with_measured_columns_says_which_it_needs_and_comes_back(make: Make) -> None:
    training = make(n=60)
    deep = replace(DEEP, measured=True)
    model = deep.fit(training, no_progress)
    assert model.state().meta["columns"] == [f"column{i}" for i in range(6)]
    chunk = training.cells[0]
    np.testing.assert_array_equal(deep.restore(model.state()).predict(chunk), model.predict(chunk))


def test_a_machine_on_learned_features_goes_on_from_the_network_before(make: Make) -> None:
    training = make(n=90)
    before = replace(DEEP, epochs=20).fit(training, no_progress)
    short = replace(DEEP, epochs=1)
    warm, cold = (short.fit(replace(training, before=b), no_progress).state().arrays for b in (before, None))
    old = before.state().arrays["seer.net0.stem.0.weight"]
    assert np.abs(warm["seer.net0.stem.0.weight"] - old).mean() < np.abs(cold["seer.net0.stem.0.weight"] - old).mean()


def test_parts_of_different_models_are_not_put_together(make: Make) -> None:
    model = DEEP.fit(make(n=60), no_progress).state()
    other = DEEP.fit(make(n=60, classes=4), no_progress).state()
    arrays = {k: v for k, v in model.arrays.items() if k.startswith("seer")}
    arrays |= {k: v for k, v in other.arrays.items() if k.startswith("decider")}
    with pytest.raises(ModelError):
        DEEP.restore(replace(model, arrays=arrays, meta={**model.meta, "decider": other.meta["decider"]}))
