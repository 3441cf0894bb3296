"""Models meet other plates: what fits is predicted with the same numbers, what does not is said in words."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from tests.crops import write_crops

from napari_phenotyper.core.errors import ExtensionError, ModelError, PhenotyperError
from napari_phenotyper.core.field import Channel
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.session import crop_learning, learning, measuring, moving
from napari_phenotyper.session.crop_folders import CropFolder
from napari_phenotyper.session.model_check import check_card, check_model
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.store.model_files import packed, read_model_file, write_archive

DNA, TUBULIN, UNKNOWN = Channel("w1", "DNA"), Channel("w2", "tubulin"), Channel("w2")
COLUMNS = {"columns": ["Nuclei_AreaShape_Area", "Nuclei_Rings_MeanFrac_tubulin_1of4"]}
CARD = {"channels": [{"name": "w1", "role": "DNA"}, {"name": "w2", "role": "tubulin"}], "pixel_size": 0.5}
CROPS = {"crop": {"size": 48, "channels": [], "pixel_size": 0.5}}


def checked(meta, channels=(DNA, TUBULIN), pixel_size=0.5, columns=None, card=CARD):
    return check_model(meta, card, channels, pixel_size, "Plate P2", columns)


def test_a_plate_like_the_one_trained_on_raises_no_word():
    assert checked(COLUMNS, columns=COLUMNS["columns"]) == () and checked(CROPS) == ()


def test_a_channel_that_the_plate_lacks_is_named_with_the_remedy():
    with pytest.raises(ModelError, match="tubulin") as caught:
        checked(COLUMNS, (DNA, UNKNOWN))
    assert "--set tubulin=NAME" in caught.value.remedy


def test_a_channel_that_no_column_shows_is_not_asked_for():
    assert checked({"columns": ["Nuclei_Intensity_MeanIntensity_DNA"]}, (DNA,)) == ()


def test_columns_that_are_not_measured_are_counted_and_named():
    with pytest.raises(ModelError, match=r"1 of 2 columns .* Nuclei_Rings_MeanFrac_tubulin_1of4") as caught:
        checked(COLUMNS, columns=["Nuclei_AreaShape_Area"])
    assert "phenotyper measure" in caught.value.remedy


def test_a_network_of_another_number_of_channels_is_refused():
    with pytest.raises(ModelError, match="there are 1 channels, and the model was trained on 2"):
        checked(CROPS, (DNA,))


def test_channels_in_another_order_are_told():
    assert "trained on the channels DNA, tubulin" in checked(CROPS, (TUBULIN, DNA))[0]


def test_crops_are_resampled_and_that_is_told():
    assert checked(CROPS, pixel_size=0.325) == (
        "Crops are resampled from 0.325 to 0.5 µm per pixel, as the model was trained.",
    )


@pytest.mark.parametrize(("pixel_size", "told"), [(0.46, 0), (0.54, 0), (0.4, 1), (0.65, 1), (None, 1)])
def test_columns_in_pixels_are_warned_of_where_pixels_differ_by_more_than_a_tenth(pixel_size, told):
    assert len(checked(COLUMNS, pixel_size=pixel_size)) == told


@pytest.mark.parametrize("channels", [3, ["DNA"], [{"role": 1}], [{"name": 2}]])
def test_a_card_that_does_not_name_its_channels_is_damaged(channels):
    with pytest.raises(ModelError, match="does not name its channels"):
        checked(COLUMNS, card={"channels": channels})


@pytest.mark.parametrize("wrong", [{"classes": [1]}, {"cells": {"a": "many"}}, {"wells": None}, {"training": 3}])
def test_a_card_from_elsewhere_must_tell_what_the_report_shows(wrong):
    card = {"classes": ["a"], "cells": {"a": 1}, "wells": [], "plates": [], "training": "k"}
    check_card(card, "m")
    with pytest.raises(ModelError, match=next(iter(wrong))):
        check_card(card | wrong, "m")


@pytest.fixture
def elsewhere(measured, tmp_path):
    """The same plate in a project that has no model."""
    for path in (measured, project_folder(measured)):
        shutil.copytree(path, tmp_path / "elsewhere" / path.name)
    with opened(project_folder(tmp_path / "elsewhere" / measured.name)) as made:
        made.open(tmp_path / "elsewhere" / measured.name)
        yield made


@pytest.mark.parametrize(("classifier", "settings"), [("svm", {}), ("fastnet", {"epochs": 2, "width": 8})])
def test_a_model_moves_to_another_project_with_identical_numbers(session, elsewhere, tmp_path, classifier, settings):
    name = learning.train(session, no_progress, classifier, settings)
    moving.export_model(session, tmp_path / "m", name)
    moved, notes = moving.import_model(elsewhere, tmp_path / "m")
    assert moved == name and learning.model_in_use(elsewhere) == name and notes == ()
    both = []
    for one in (session, elsewhere):
        learning.predict(one, one.all_plates(), no_progress)
        found = learning.predictions_of(one, one.all_plates()[0], name)
        both.append(np.concatenate([found[ref].probabilities for ref in sorted(found)]))
    assert np.array_equal(*both) and len(both[0]) > 150


def test_the_card_of_a_plates_model_is_complete(session):
    learning.evaluate(session, no_progress)
    card = session.project.models.card(learning.train(session, no_progress))
    assert card["channels"] == [{"name": "w1", "role": "DNA"}] and card["pixel_sizes"] == {"P1": card["pixel_size"]}
    assert card["segmenter"]["id"] == "nuclei" and set(card["extractors"]) >= {"shape", "texture"} and card["seed"] == 0
    assert card["scores"]["balanced_accuracy"]["low"] > 0 and card["scores_over"] == {"group": "well", "folds": 4}
    assert "right for" in card["about"] and card["created"].startswith("20")


def test_predicting_a_plate_without_the_columns_says_which_and_what_to_do(session):
    name = learning.train(session, no_progress)
    measuring.choose_extractors(session, ["shape"])
    measuring.measure(session, session.all_plates(), no_progress)
    with pytest.raises(ModelError, match="columns that the model looks at are not measured") as caught:
        learning.predict(session, session.all_plates(), no_progress, name)
    assert "phenotyper measure" in caught.value.remedy
    assert "not measured" in moving.fit(session, session.all_plates(), name)[0]


def test_a_model_whose_classifier_is_not_there_or_refuses_it_is_not_kept(session, elsewhere, tmp_path):
    moving.export_model(session, tmp_path / "m", learning.train(session, no_progress))
    state, card = read_model_file(tmp_path / "m")
    arrays = {name: array.astype(np.float64) for name, array in state.arrays.items()}
    for record, made, error in (
        ({"id": "../evil"}, state, ExtensionError), ({"id": ["svm"]}, state, ModelError), ({}, state, ModelError),
        ({"id": "forest"}, state, ModelError), (card["classifier"], replace(state, arrays=arrays), ModelError),
        (card["classifier"], replace(state, arrays={}), ModelError),
        (card["classifier"], replace(state, meta={**state.meta, "columns": [[]] * 9}), ModelError),
    ):  # fmt: skip
        write_archive(tmp_path / "n", *packed("hostile", record, made, card))
        with pytest.raises(error):
            moving.import_model(elsewhere, tmp_path / "n")
    assert elsewhere.project.models.ids() == ()


JUNK = (None, -1.5, 10**400, [[]], {"a": [1]}, True)


@pytest.mark.parametrize("classifier", ["svm", "forest"])
def test_a_model_file_with_anything_in_it_is_refused_in_words_or_works(tmp_path, classifier):
    few, model = CropFolder(write_crops(tmp_path / "few", 1)), tmp_path / "m"
    crop_learning.train(CropFolder(write_crops(tmp_path / "many", 6)), no_progress, classifier, model)
    state, card = read_model_file(model)
    made = [(state, {**card, key: junk}) for key in ("channels", "pixel_size", "segmenter") for junk in JUNK]
    made += [(replace(state, meta={**state.meta, key: junk}), card) for key in state.meta for junk in JUNK]
    for key, array in state.arrays.items():
        for other in (np.atleast_1d(array)[:0], array[None], array.astype(np.float64), array * 0 - 1):
            made.append((replace(state, arrays={**state.arrays, key: other}), card))
    refused = 0
    for one, told in made:
        write_archive(model, *packed("m", told["classifier"], one, told))
        try:
            crop_learning.tested(few, no_progress, model)
        except PhenotyperError as error:
            refused += bool(error.what)
    assert refused > len(made) / 2
