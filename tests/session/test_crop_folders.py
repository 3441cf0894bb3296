"""Crops from elsewhere: read, taken as cells, evaluated, trained on and tested."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from tests.crops import picture, write_crops, write_png, write_tiff

from napari_phenotyper.core.cells import CropSpec
from napari_phenotyper.core.errors import ModelError, PhenotyperError, SettingError, TableError, TrainingError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.session import crop_learning
from napari_phenotyper.session.crop_cells import prepare
from napari_phenotyper.session.crop_folders import CropFolder, read_folder
from napari_phenotyper.session.crop_images import read_crop

BY_PLATE = {"group_from": "index.csv:plate"}
LITTLE = {"epochs": 1, "width": 4, "networks": 1, "size": 20}


@pytest.fixture
def folder(tmp_path):
    return write_crops(tmp_path / "crops")


def read(folder, **options):
    return read_folder(CropFolder(folder, **options), no_progress)


def evaluated(folder, classifier="svm", settings=None, **options):
    return crop_learning.evaluate(CropFolder(folder, **options), no_progress, classifier, settings)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((3, 20, 24), {"photometric": "minisblack"}), ((20, 24, 3), {"photometric": "minisblack"}),
        ((20, 24, 3), {"photometric": "rgb"}), ((3, 20, 24), {"photometric": "rgb", "planarconfig": "separate"}),
        ((3, 20, 24), {"imagej": True, "metadata": {"axes": "CYX"}}), ((3, 20, 24), {"ome": True}),
        ((3, 20, 20), {"photometric": "minisblack"}), ((20, 20, 3), {"photometric": "minisblack"}),
    ],
)  # fmt: skip
def test_channels_are_found_first_or_last(tmp_path, shape, options):
    dtype = np.uint16 if "imagej" in options else np.uint8
    image = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    write_tiff(tmp_path / "a.tif", image, **options)
    expected = np.moveaxis(image, 2, 0) if shape[2] == 3 else image
    assert np.array_equal(read_crop(tmp_path / "a.tif"), expected)


@pytest.mark.parametrize("axis", [0, 2])
def test_seventy_channels_of_square_crops_are_found_at_either_end(tmp_path, axis):
    image = np.moveaxis(np.arange(70 * 1600, dtype=np.uint32).reshape(70, 40, 40), 0, axis)
    write_tiff(tmp_path / "a.tif", image, photometric="minisblack")
    assert np.array_equal(read_crop(tmp_path / "a.tif"), np.moveaxis(image, axis, 0))


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("1", 1), ("LA", 1), ("P", 3), ("RGB", 3), ("RGBA", 3)])
def test_pngs_of_every_mode_are_read_without_their_opacity(tmp_path, mode, channels):
    from PIL import Image

    Image.fromarray(np.arange(600, dtype=np.uint8).reshape(10, 20, 3)).convert(mode).save(tmp_path / "a.png")
    assert read_crop(tmp_path / "a.png").shape == (channels, 10, 20)


def test_sixteen_bits_are_kept(tmp_path):
    image = np.arange(0, 60000, 100, dtype=np.uint16).reshape(20, 30)
    from PIL import Image

    Image.fromarray(image).save(tmp_path / "a.png")
    found = read_crop(tmp_path / "a.png")
    assert found.dtype == np.uint16 and np.array_equal(found[0], image)


def test_classes_are_the_folders_and_crops_keep_their_pixels(folder):
    crops = read(folder, **BY_PLATE)
    assert crops.classes == ("Interphase", "Mitotic") and len(crops) == 40
    assert crops.group == "plate" and crops.group_names == tuple(f"plate {i}" for i in range(4))
    at = crops.files.index("Mitotic/007.png")
    assert np.array_equal(crops.images[at], picture("Mitotic", 7))
    assert crops.classes[crops.labels[at]] == "Mitotic" and crops.group_names[crops.groups[at]] == "plate 3"


def test_without_groups_every_crop_is_its_own_and_the_report_says_that_this_flatters(folder):
    report = evaluated(folder)
    assert report["group"] == "crop" and report["groups"] == 40
    assert any("flatter" in text for text in report["warnings"])


def test_groups_that_are_given_are_never_split(folder):
    report = evaluated(folder, **BY_PLATE)
    names = [name for fold in report["folds"] for name in fold["names"]]
    assert len(names) == len(set(names)) == 4 and not any("flatter" in text for text in report["warnings"])


def test_folds_that_are_given_are_the_folds_and_groups_those_of_the_other_column(folder):
    report = evaluated(folder, fold_from="index.csv:fold", **BY_PLATE)
    assert [sorted(fold["names"]) for fold in report["folds"]] == [["plate 0", "plate 2"], ["plate 1", "plate 3"]]
    assert report["group"] == "plate"


def test_a_group_that_lies_in_two_folds_is_told(folder):
    rows = list(csv.DictReader((folder / "index.csv").open()))
    rows[0]["plate"] = "plate 1"
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert any("1 groups lie in more" in w for w in read(folder, fold_from="index.csv:fold", **BY_PLATE).warnings)


def test_the_report_has_the_keys_of_an_evaluation_on_a_plate(folder, session):
    from napari_phenotyper.session import learning

    assert set(learning.evaluate(session, no_progress)) <= set(evaluated(folder, **BY_PLATE))


def test_an_evaluation_repeats_to_the_last_digit(folder):
    assert evaluated(folder, **BY_PLATE) == evaluated(folder, **BY_PLATE)


def test_crops_that_a_table_does_not_name_are_left_out_and_counted(folder):
    lines = (folder / "index.csv").read_text().splitlines()
    (folder / "index.csv").write_text("\n".join(lines[:-3]))
    crops = read(folder, **BY_PLATE)
    assert len(crops) == 37 and any("not named in index.csv: 3 of the crops" in w for w in crops.warnings)


@pytest.mark.parametrize(
    ("option", "error", "words"),
    [
        ("index.csv", SettingError, "FILE:COLUMN"), ("index.csv:", SettingError, "FILE:COLUMN"),
        ("nothing.csv:plate", TableError, "cannot be read"), ("index.csv:film", TableError, "film"),
        ("other.csv:plate", TableError, "names none of the crops"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_help_is_told(folder, option, error, words):
    (folder / "other.csv").write_text("file,plate\nelse/where.png,1\n")
    with pytest.raises(error, match=words):
        read(folder, group_from=option)


def test_files_that_cannot_be_read_are_named_and_left_out(folder):
    (folder / "Mitotic" / "bad.png").write_bytes(b"no picture")
    (folder / "Mitotic" / "empty.tif").write_bytes(b"")
    (folder / "Mitotic" / "cut.png").write_bytes((folder / "Mitotic" / "000.png").read_bytes()[:60])
    crops = read(folder)
    said = next(w for w in crops.warnings if w.startswith("Left out: 3 of the files."))
    assert len(crops) == 40 and all(name in said for name in ("bad.png", "empty.tif", "cut.png"))


def test_a_picture_of_a_field_is_no_crop(folder):
    write_png(folder / "Mitotic" / "field.png", np.zeros((1, 10, 3000), np.uint8))
    assert any("3000" in w for w in read(folder).warnings)


def test_mixed_sizes_are_told_and_used(folder):
    for i in range(10):
        write_png(folder / "Mitotic" / f"large{i}.png", picture("Mitotic", 50 + i, (40 + i, 60)))
    report = evaluated(folder)
    assert report["n"] == 50 and any("11 sizes, 32 × 32 to 49 × 60" in w for w in report["warnings"])


def test_grey_crops_saved_as_coloured_have_one_channel(tmp_path):
    folder = write_crops(tmp_path / "a", make=lambda kind, i: np.repeat(picture(kind, i), 3, axis=0))
    assert [c.label for c in read(folder).channels] == ["DNA"]


def test_a_crop_of_other_channels_than_most_is_left_out(folder):
    write_png(folder / "Mitotic" / "rgb.png", picture("Mitotic", 1, channels=3))
    assert any("1 of the crops, Mitotic/rgb.png" in w for w in read(folder).warnings)


def test_channels_are_named_by_the_user(tmp_path):
    folder = write_crops(tmp_path / "a", 4, channels=3)
    assert [c.label for c in read(folder).channels] == ["DNA", "ch2", "ch3"]
    assert [c.label for c in read(folder, channels=("actin", "DAPI", "x")).channels] == ["actin", "DNA", "x"]
    with pytest.raises(SettingError, match="3 channels"):
        read(folder, channels=("DNA",))


def test_a_crop_measures_the_same_alone_and_among_others(folder):
    registry, crops = Registry(), read(folder)
    whole = prepare(crops, registry, no_progress)
    for name in crops.files[1:]:
        (folder / name).unlink()
    alone = prepare(read(folder), registry, no_progress, segmenter=whole.segmenter)
    first, second = whole.training.matrix()[:1], alone.training.matrix()
    assert np.array_equal(first, second, equal_nan=True)


def test_the_object_in_the_middle_is_measured(folder):
    prepared = prepare(read(folder), Registry(), no_progress)
    area = prepared.training.matrix(["Nuclei_AreaShape_Area"])[:, 0]
    large, small = (area[prepared.training.labels == k] for k in (0, 1))
    assert 180 < np.median(large) < 330 and 50 < np.median(small) < 130


def test_what_a_crop_cannot_tell_is_unknown(folder):
    matrix = prepare(read(folder), Registry(), no_progress).training.matrix(["Nuclei_Neighbors_Crowding"])
    assert np.isnan(matrix).all()


def test_masked_crops_show_the_middle_object_only(folder):
    training = prepare(read(folder), Registry(), no_progress, columns=False).training
    masked = training.crops(CropSpec(32, background="masked", normalisation="none"))
    shown = training.crops(CropSpec(32, background="surrounding", normalisation="none"))
    assert masked[:, :, 0, 0].max() == 0 and (shown[:, :, 0, 0] > 0).all()
    assert np.array_equal(shown[0, 0], read(folder).images[0][0].astype(np.float32))


def test_crops_are_resampled_to_the_pixel_size_asked_for(folder):
    training = prepare(read(folder, pixel_size=0.5), Registry(), no_progress, columns=False).training
    crop = training.crops(CropSpec(16, pixel_size=1.0, normalisation="none"))[0, 0]
    image = read(folder).images[0][0].astype(np.float32)
    assert np.allclose(crop, image.reshape(16, 2, 16, 2).mean(axis=(1, 3)), atol=1e-3)


def test_nothing_is_measured_for_a_classifier_of_crops(folder, monkeypatch):
    made = Registry().make("classifier", "fastnet")
    monkeypatch.setattr("napari_phenotyper.extractors.shape.Shape.measure", lambda *a: pytest.fail("measured"))
    assert not crop_learning.needs_columns(made) and crop_learning.needs_columns(Registry().make("classifier", "svm"))
    report = evaluated(folder, "fastnet", LITTLE, **BY_PLATE)
    assert report["n"] == 40 and report["segmenter"] is None


ODD = {
    "3 x 3 crops": {"shape": (3, 3)},
    "two crops": {"count": 1},
    "blank": {"make": lambda kind, i: np.zeros((1, 20, 20), np.uint8)},
    "all NaN": {
        "make": lambda kind, i: np.full((20, 20), np.nan, np.float32), "write": write_tiff, "suffix": ".tif",
    },
    "70 channels": {"write": write_tiff, "suffix": ".tif", "channels": 70, "count": 6, "dtype": np.uint16},
    "1 x 1 crops": {"shape": (1, 1), "count": 4},
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(("classifier", "settings"), [("svm", {}), ("fastnet", LITTLE)])
def test_odd_sets_give_a_result_or_a_message(tmp_path, name, classifier, settings):
    options = {"count": 8, **ODD[name]}
    folder = write_crops(tmp_path / "a", **options)
    try:
        report = evaluated(folder, classifier, settings)
    except PhenotyperError as error:
        assert error.what and error.remedy
    else:
        assert report["n"] == 2 * options["count"]


def test_one_class_is_told_with_its_remedy(folder):
    for path in (folder / "Mitotic").iterdir():
        path.unlink()
    with pytest.raises(TrainingError, match="all cells are Interphase") as caught:
        evaluated(folder)
    assert caught.value.remedy


def test_a_rare_class_of_three_channels_is_found(tmp_path):
    folder = tmp_path / "crops"
    for i in range(150):
        write_png(folder / "Interphase" / f"{i}.png", picture("Interphase", i, (40, 40), 3))
    for i in range(10):
        write_png(folder / "Mitotic" / f"{i}.png", picture("Mitotic", i, (40, 40), 3))
    report = evaluated(folder)
    assert report["n"] == 160 and report["per_class"]["Mitotic"]["recall"] >= 0.6


@pytest.mark.parametrize("build", [lambda p: None, lambda p: p.mkdir(), lambda p: (p / "A").mkdir(parents=True)])
def test_a_folder_without_crops_says_what_it_must_hold(tmp_path, build):
    build(tmp_path / "none")
    with pytest.raises(TrainingError) as caught:
        read(tmp_path / "none")
    assert "folder" in caught.value.remedy


def test_a_model_in_a_file_does_on_other_crops_what_it_did_where_it_was_trained(folder, tmp_path):
    other = write_crops(tmp_path / "other", make=lambda kind, i: picture(kind, 100 + i))
    model = tmp_path / "svm.model"
    card = crop_learning.train(CropFolder(folder, **BY_PLATE), no_progress, "svm", model)
    report, rows = crop_learning.tested(CropFolder(other), no_progress, model)
    assert report["accuracy"]["value"] > 0.9 and report["model"] == card["id"] and len(rows) == 40
    assert not any("trained on" in text for text in report["warnings"])


def test_testing_on_the_training_crops_says_that_it_flatters(folder, tmp_path):
    crop_learning.train(CropFolder(folder), no_progress, "svm", tmp_path / "m")
    report, _ = crop_learning.tested(CropFolder(folder), no_progress, tmp_path / "m")
    assert any("trained on: the figures flatter" in text for text in report["warnings"])


def test_a_class_that_the_model_does_not_know_counts_as_wrong(folder, tmp_path):
    crop_learning.train(CropFolder(folder), no_progress, "svm", tmp_path / "m")
    for i in range(10):
        write_png(folder / "New" / f"{i}.png", picture("Mitotic", i))
    report, _ = crop_learning.tested(CropFolder(folder), no_progress, tmp_path / "m")
    assert report["accuracy"]["value"] == pytest.approx(0.8) and report["per_class"]["New"]["recall"] == 0
    assert any("does not know the class New: its 10 crops" in text for text in report["warnings"])


def test_a_model_of_other_channels_says_which_are_missing(folder, tmp_path):
    colours = write_crops(tmp_path / "rgb", channels=3)
    crop_learning.train(CropFolder(colours, channels=("DNA", "tubulin", "actin")), no_progress, "svm", tmp_path / "m")
    with pytest.raises(ModelError, match="tubulin, actin") as caught:
        crop_learning.tested(CropFolder(folder), no_progress, tmp_path / "m")
    assert "--channels" in caught.value.remedy


def test_the_card_of_a_model_of_crops_is_complete(folder, tmp_path):
    card = crop_learning.train(CropFolder(folder, **BY_PLATE), no_progress, "svm", tmp_path / "m", scores=True)
    assert card["cells"] == {"Interphase": 20, "Mitotic": 20} and len(card["groups"]) == 4 and card["seed"] == 0
    assert card["channels"] == [{"name": "ch1", "role": "DNA"}] and card["scores"]["accuracy"]["low"] > 0.8
    assert card["segmenter"]["settings"]["diameter"] > 5 and set(card["extractors"]) == set(
        Registry().defaults("extractor")
    )


def test_nobody_waits_for_a_result_that_is_not_wanted(folder):
    def stop(fraction, message):
        if "Measuring" in message:
            raise Cancelled(message)

    with pytest.raises(Cancelled):
        crop_learning.evaluate(CropFolder(folder), stop, "svm")


@pytest.mark.slow
def test_the_shipped_crops_reach_what_is_known(shared_data):
    source = CropFolder(shared_data / "mitocheck_crops", "index.csv:plate", "index.csv:fold")
    report = crop_learning.evaluate(source, no_progress, "svm")
    assert report["n"] == 1884 and report["accuracy"]["value"] >= 0.72
