"""Networks, augmentation, and the training loop."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from torch.nn import functional

from napari_phenotyper.core.errors import ModelError, SettingError, TrainingError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.nets import architectures
from napari_phenotyper.nets.augment import PLAIN, Augmentation, views
from napari_phenotyper.nets.blocks import Architecture, CropNet, folded, fresh
from napari_phenotyper.nets.device import choose, in_parts, side_by_side
from napari_phenotyper.nets.lipnets import LipArchitecture, Variant
from napari_phenotyper.nets.loop import Recipe, recorded, train
from napari_phenotyper.nets.model import scores
from napari_phenotyper.nets.residual import ResidualArchitecture
from napari_phenotyper.nets.weights import from_arrays, to_arrays

SMALL = ResidualArchitecture(channels=2, classes=4, width=8)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def crops(n: int = 32, side: int = 16) -> torch.Tensor:
    return torch.randn((n, 2, side, side), generator=generator(1))


def fit(net: CropNet, pixels: torch.Tensor, labels: torch.Tensor, epochs: int) -> None:
    def loss(rows: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(net(pixels[rows]), labels[rows])

    train(net, loss, len(pixels), Recipe(epochs), generator(), no_progress)


def test_the_same_seed_gives_the_same_weights_after_training() -> None:
    trained = []
    for _ in range(2):
        net = fresh(SMALL, generator())
        fit(net, crops(), torch.arange(32) % 4, epochs=3)
        trained.append(to_arrays(net))
    assert all(np.array_equal(trained[0][k], trained[1][k]) for k in trained[0])


@pytest.mark.parametrize("side", [1, 3, 4, 7, 16, 65])
def test_crops_of_any_side_go_through(side: int) -> None:
    assert fresh(SMALL, generator()).eval()(crops(3, side)).shape == (3, 4)


def test_a_single_row_is_trained_on() -> None:
    net = fresh(SMALL, generator())
    fit(net, crops(1, 3), torch.zeros(1, dtype=torch.long), epochs=2)
    assert all(np.isfinite(value).all() for value in to_arrays(net).values())


def judged(net: CropNet, recipe: Recipe, judge: Callable[[torch.nn.Module], float]) -> None:
    pixels, labels = crops(8), torch.arange(8) % 4

    def loss(rows: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(net(pixels[rows]), labels[rows])

    train(net, loss, 8, recipe, generator(), no_progress, judge)


def test_the_best_judged_network_is_kept() -> None:
    net = fresh(SMALL, generator())
    kept: list[dict[str, np.ndarray]] = []
    marks = iter([3.0, 1.0, 2.0, 2.0])

    def judge(judged: torch.nn.Module) -> float:
        kept.append(to_arrays(judged))
        return next(marks)

    judged(net, Recipe(epochs=4, judged_from=0), judge)
    assert all(np.array_equal(v, to_arrays(net)[k]) for k, v in kept[1].items())


@pytest.mark.parametrize(("judged_from", "calls"), [(0.0, 3), (0.95, 2)])
def test_training_stops_when_nothing_gets_better(judged_from: float, calls: int) -> None:
    asked: list[int] = []

    def judge(judged: torch.nn.Module) -> float:
        asked.append(1)
        return 1.0

    judged(fresh(SMALL, generator()), Recipe(epochs=20, judged_from=judged_from, patience=2), judge)
    assert len(asked) == calls


def test_a_loss_that_is_no_number_is_reported() -> None:
    net = fresh(SMALL, generator())
    with pytest.raises(TrainingError, match="number"):
        fit(net, torch.full((8, 2, 8, 8), torch.nan), torch.zeros(8, dtype=torch.long), epochs=1)


def test_training_stops_when_nobody_wants_it() -> None:
    def stop(fraction: float, message: str) -> None:
        raise Cancelled

    net = fresh(SMALL, generator())
    with pytest.raises(Cancelled):
        train(net, lambda rows: net(crops()[rows]).mean(), 32, Recipe(1), generator(), stop)


def test_weights_survive_the_way_through_arrays() -> None:
    net = fresh(SMALL, generator())
    fit(net, crops(), torch.arange(32) % 4, epochs=1)
    again = from_arrays(SMALL, to_arrays(net))
    np.testing.assert_array_equal(scores(again, crops()), scores(net.eval(), crops()))


def test_weights_of_another_shape_are_refused() -> None:
    arrays = to_arrays(fresh(SMALL, generator()))
    with pytest.raises(ModelError, match="weights"):
        from_arrays(ResidualArchitecture(channels=3, classes=4, width=8), arrays)


def test_weights_that_are_not_finite_are_refused() -> None:
    arrays = to_arrays(fresh(SMALL, generator()))
    arrays["net.head.bias"] = np.full(4, np.nan, np.float32)
    with pytest.raises(ModelError, match="finite"):
        from_arrays(SMALL, arrays)


def test_an_architecture_of_absurd_size_is_refused() -> None:
    with pytest.raises(ModelError):
        architectures.restore({**SMALL.state(), "width": 10**9})


def test_plain_augmentation_changes_nothing() -> None:
    torch.testing.assert_close(PLAIN(crops(), generator()), crops(), atol=1e-4, rtol=0)


def test_augmentation_gives_a_changed_copy() -> None:
    batch = crops()
    before = batch.clone()
    changed = Augmentation()(batch, generator())
    assert changed.shape == batch.shape
    assert torch.equal(batch, before)
    assert not torch.allclose(changed, batch)


def test_augmentation_is_repeatable() -> None:
    assert torch.equal(Augmentation()(crops(), generator(5)), Augmentation()(crops(), generator(5)))


def test_rotation_keeps_what_is_round_in_the_middle() -> None:
    y, x = np.mgrid[-15.5:16, -15.5:16]
    disc = torch.from_numpy(np.exp(-(y**2 + x**2) / 50).astype(np.float32)).repeat(8, 1, 1, 1)
    turned = Augmentation(shift=0, zoom=0, contrast=0)(disc, generator())
    torch.testing.assert_close(turned[..., 6:26, 6:26], disc[..., 6:26, 6:26], atol=0.02, rtol=0)


def test_the_eight_views_differ_and_the_first_is_the_crop() -> None:
    found = views(crops(1), 8)
    assert torch.equal(found[0], crops(1))
    assert len({tuple(v.flatten().tolist()) for v in found}) == 8


def test_a_device_that_is_not_there_is_named() -> None:
    missing = next((d for d in ("mps", "cuda") if d not in str(choose("auto"))), "mps")
    if missing == "cuda" and torch.cuda.is_available():
        pytest.skip("every device is here")
    with pytest.raises(SettingError, match=missing):
        choose(missing)  # type: ignore[arg-type]


def test_predicting_in_parts_is_the_same_as_at_once() -> None:
    net = fresh(SMALL, generator())
    fit(net, crops(), torch.arange(32) % 4, epochs=2)
    many = crops(300, 8)
    parts = np.concatenate([scores(net.eval(), many[:100], 2), scores(net.eval(), many[100:], 2)])
    np.testing.assert_allclose(scores(net.eval(), many, 2), parts, atol=0.05)


def test_predicting_on_two_threads_is_the_same_as_on_one() -> None:
    net, many, before, found = fresh(SMALL, generator()).eval(), crops(300, 8), torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(scores(net, many, 2))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_threads_beside_one_another_compute_alone() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = side_by_side(lambda number: torch.tensor([number, torch.get_num_threads()]), 8)
    finally:
        torch.set_num_threads(before)
    assert [part.tolist() for part in found] == [[number, 1] for number in range(8)]


ARCHITECTURES = [
    SMALL,
    ResidualArchitecture(2, 4, width=4, stages=4, factor=2),
    *(LipArchitecture(2, 4, variant) for variant in get_args(Variant)),
]
EACH = pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)


@EACH
def test_every_architecture_starts_at_the_logarithm_of_the_classes(architecture: Architecture) -> None:
    net = fresh(architecture, generator()).eval()
    loss = functional.cross_entropy(net(crops()), torch.arange(32) % 4)
    assert float(loss.detach()) == pytest.approx(math.log(4), abs=1e-4)


@EACH
def test_every_architecture_learns_16_crops_by_heart(architecture: Architecture) -> None:
    net, labels, pixels = fresh(architecture, generator()), torch.arange(16) % 4, crops(16, side=28)

    def loss(rows: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(net(pixels[rows]), labels[rows])

    train(net, loss, 16, Recipe(60, rate=3e-3), generator(), no_progress)
    with torch.no_grad():
        assert (net(pixels).argmax(1) == labels).all()


@EACH
def test_every_architecture_comes_back_out_of_json(architecture: Architecture) -> None:
    assert architectures.restore(json.loads(json.dumps(architecture.state()))) == architecture


def test_a_folded_network_predicts_the_same() -> None:
    net = fresh(SMALL, generator())
    fit(net, crops(), torch.arange(32) % 4, epochs=5)
    with torch.no_grad():
        torch.testing.assert_close(folded(net.eval())(crops()), net(crops()), atol=1e-4, rtol=1e-4)


def test_short_floats_change_probabilities_by_little() -> None:
    net = fresh(SMALL, generator())
    fit(net, crops(), torch.arange(32) % 4, epochs=5)
    with torch.no_grad():
        short = folded(net.eval(), short=True)(crops().bfloat16()).softmax(1)
        torch.testing.assert_close(short, net(crops()).softmax(1), atol=0.05, rtol=0)


def lowest(changed: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    return torch.isclose(changed, batch.amin((2, 3), keepdim=True), atol=1e-3)


def test_about_every_other_crop_loses_a_square_to_its_lowest_value() -> None:
    batch = crops(400, 20)
    kept = Augmentation(rotate=False, flip=False, shift=0.0, zoom=0.0, contrast=0.0, erase=0.4)(batch, generator())
    gone = lowest(kept, batch).flatten(1).sum(1) / (2 * 20 * 20)
    assert 0.4 < float((gone > 0.02).float().mean()) < 0.6
    assert 0.1 < float(gone.max()) < 0.2  # 0.4 x 0.4 of the crop, less where it reaches beyond the border


def test_what_is_erased_is_erased_in_all_channels() -> None:
    batch = crops(50, 20)
    low = Augmentation(rotate=False, flip=False, shift=0.0, zoom=0.0, contrast=0.0, erase=0.4)(batch, generator())
    gone = lowest(low, batch)
    apart = (gone[:, 0] != gone[:, 1]).flatten(1).sum(1)
    assert int(apart.max()) <= 4 < int(gone[:, 0].flatten(1).sum(1).max())  # each channel's own lowest pixels


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_replayed_steps_are_those_of_the_network() -> None:
    pixels, labels, found = crops().cuda(), torch.arange(32).cuda() % 4, []
    for replays in (False, True):
        net = fresh(SMALL, generator()).cuda().train()
        run = recorded(net, pixels[:8]) if replays else net

        def loss(rows: torch.Tensor, run: Callable[[torch.Tensor], torch.Tensor] = run) -> torch.Tensor:
            return functional.cross_entropy(run(pixels[rows]), labels[rows])

        train(net, loss, 32, Recipe(3, batch=8), generator(), no_progress)
        found.append(to_arrays(net.cpu()))
    assert all(np.allclose(found[0][k], found[1][k], atol=1e-3) for k in found[0])


def test_the_running_average_lies_among_the_weights_that_it_averages() -> None:
    plain, averaged = fresh(SMALL, generator()), fresh(SMALL, generator())
    pixels, labels = crops(), torch.arange(32) % 4
    for net, keep in ((plain, 0.0), (averaged, 0.9)):

        def loss(rows: torch.Tensor, net: CropNet = net) -> torch.Tensor:
            return functional.cross_entropy(net(pixels[rows]), labels[rows])

        train(net, loss, 32, Recipe(5, average=keep), generator(), no_progress)
    start = fresh(SMALL, generator()).stem[0].weight
    moved = [float((net.stem[0].weight - start).norm().detach()) for net in (plain, averaged)]
    assert 0 < moved[1] < moved[0]


def starved(limit: int) -> Callable[[torch.Tensor], torch.Tensor]:
    def run(rows: torch.Tensor) -> torch.Tensor:
        if len(rows) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return rows * 2

    return run


def test_parts_are_halved_until_memory_suffices() -> None:
    found = in_parts(starved(5), torch.arange(37), 32)
    assert torch.equal(torch.cat(list(found)), torch.arange(37) * 2)
    assert max(len(part) for part in found) == 4


def test_memory_that_does_not_suffice_for_one_row_is_reported() -> None:
    with pytest.raises(RuntimeError, match="memory"):
        in_parts(starved(0), torch.arange(4), 2)


def test_an_error_that_is_not_about_memory_is_not_tried_again() -> None:
    asked: list[int] = []

    def run(rows: torch.Tensor) -> torch.Tensor:
        asked.append(len(rows))
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        in_parts(run, torch.arange(8), 4)
    assert asked == [4]


def test_training_goes_on_with_smaller_batches_where_memory_runs_out() -> None:
    net, labels, pixels, sizes = fresh(SMALL, generator()), torch.arange(32) % 4, crops(), []

    def loss(rows: torch.Tensor) -> torch.Tensor:
        if len(rows) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(rows))
        return functional.cross_entropy(net(pixels[rows]), labels[rows])

    train(net, loss, 32, Recipe(20), generator(), no_progress)
    assert set(sizes) == {4} and len(sizes) == 20 * 8
