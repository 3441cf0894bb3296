import numpy as np
import pytest

from napari_phenotyper.core.annotations import PALETTE, Phenotype
from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.views.overlay import CONFIDENCE, MAX_CLASSES, ClassImage, Faces, colours, zoned

PHENOTYPES = [Phenotype("Interphase", PALETTE[0]), Phenotype("Mitotic", PALETTE[1])]
WHITE = (1.0, 1.0, 1.0, 1.0)


def field() -> np.ndarray:
    labels = np.zeros((40, 60), np.int32)
    labels[5:25, 5:25] = 1
    labels[5:25, 25:45] = 2
    labels[30:40, 50:60] = 3
    return labels


def faces(predicted=(-1, -1, -1, -1), annotated=(-1, -1, -1, -1), probability=(np.nan,) * 4) -> Faces:
    return Faces(np.array(predicted, np.int16), np.array(annotated, np.int16), np.array(probability, np.float32))


def look(picture: np.ndarray, y: int, x: int) -> tuple[float, ...]:
    return colours(PHENOTYPES)[int(picture[y, x])]


def rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_zones_count_the_pixels_from_the_edge_of_a_cell_across_bands():
    labels = np.zeros((300, 40), np.int32)
    labels[120:140, 10:30] = 7
    zones = zoned(labels)
    assert (zones >> 2 == labels).all()
    assert [int(z & 3) for z in zones[120:126, 20]] == [0, 1, 2, 3, 3, 3]
    assert [int(z & 3) for z in zones[130, 10:15]] == [0, 1, 2, 3, 3]


def test_touching_cells_are_parted_and_the_edge_of_the_image_is_no_edge():
    zones = zoned(field()) & 3
    assert zones[15, 24] == 0
    assert zones[15, 25] == 0
    assert zones[39, 59] == 3


def test_a_predicted_cell_wears_an_outline_of_two_pixels_and_nothing_inside():
    picture = ClassImage(field()).draw(faces(predicted=(-1, 1, -1, -1)))
    assert look(picture, 15, 5) == look(picture, 15, 6) == (*rgb(PALETTE[1]), 1.0)
    assert look(picture, 15, 15)[3] == 0
    assert look(picture, 0, 0)[3] == 0


def test_an_annotated_cell_is_told_apart_by_a_white_rim_and_a_fill():
    picture = ClassImage(field()).draw(faces(predicted=(-1, 1, 1, 1), annotated=(-1, 0, -1, -1)))
    assert look(picture, 15, 5) == WHITE
    assert look(picture, 15, 6) == (*rgb(PALETTE[0]), 1.0)
    assert 0 < look(picture, 15, 15)[3] < 1


def test_filled_cells_are_fuller_where_they_were_annotated():
    picture = ClassImage(field(), "filled").draw(faces(predicted=(-1, 1, 1, 1), annotated=(-1, 1, -1, -1)))
    assert look(picture, 15, 5) == WHITE
    assert look(picture, 15, 15)[3] > look(picture, 15, 35)[3] > 0


def test_confidence_colours_predicted_cells_and_leaves_annotated_ones_their_class():
    seen = faces((-1, 1, 1, 1), (-1, -1, -1, 1), (np.nan, 0.05, 1.0, 0.05))
    picture = ClassImage(field(), colouring="confidence").draw(seen)
    assert look(picture, 15, 5)[:3] == rgb(CONFIDENCE[0])
    assert look(picture, 15, 44)[:3] == rgb(CONFIDENCE[-1])
    assert look(picture, 32, 55)[:3] == rgb(PALETTE[1])


def test_a_cell_of_unknown_confidence_looks_like_one_without_a_class():
    unknown = ClassImage(field(), colouring="confidence").draw(faces(predicted=(-1, 1, 1, 1)))
    assert (unknown == ClassImage(field()).draw(Faces.plain(3))).all()


@pytest.mark.parametrize("style", ["outlines", "filled"])
def test_cells_drawn_alone_equal_the_same_cells_in_the_whole_picture(style):
    image = ClassImage(field(), style)
    before = image.draw(faces(predicted=(-1, 0, 1, 0)))
    after = faces(predicted=(-1, 0, 1, 0), annotated=(-1, 1, -1, 0))
    rows, columns, values = image.draw_cells(after, {1: (15.2, 14.8), 3: (39.0, 59.0)})
    before[rows, columns] = values
    assert (before == image.draw(after)).all()


def test_a_cell_larger_than_the_first_window_is_found_whole_from_a_point_in_its_corner():
    labels = np.zeros((400, 400), np.int32)
    labels[100:300, 100:300] = 5
    rows, _, _ = ClassImage(labels).draw_cells(Faces.plain(5), {5: (101, 101)})
    assert len(rows) == 200 * 200


def test_drawing_no_cells_gives_no_pixels():
    rows, columns, values = ClassImage(field()).draw_cells(Faces.plain(3), {})
    assert len(rows) == len(columns) == len(values) == 0


def test_seventy_classes_have_codes_of_their_own():
    many = [Phenotype(str(i), PALETTE[i % 16]) for i in range(70)]
    assert max(colours(many)) < 256
    labels = np.kron(np.arange(1, 71, dtype=np.int32).reshape(7, 10), np.ones((8, 8), np.int32))
    seen = Faces(np.arange(-1, 70, dtype=np.int16), np.full(71, -1, np.int16), np.ones(71, np.float32))
    assert len(np.unique(ClassImage(labels).draw(seen)[::8, ::8])) == 70


def test_more_classes_than_codes_are_refused():
    with pytest.raises(SettingError):
        colours([Phenotype(str(i), "#000000") for i in range(MAX_CLASSES + 1)])


def test_faces_too_short_for_the_field_are_refused():
    with pytest.raises(ValueError, match="cell 3"):
        ClassImage(field()).draw(Faces.plain(2))


def test_a_picture_drawn_over_an_old_one_equals_a_new_one_and_takes_no_other_memory():
    image, old = ClassImage(field()), np.full(field().shape, 77, np.uint8)
    shown = faces(predicted=(-1, 0, 1, 0))
    drawn = image.draw(shown, old)
    assert np.shares_memory(drawn, old)
    np.testing.assert_array_equal(drawn, ClassImage(field()).draw(shown))


def test_a_picture_of_another_size_is_not_drawn_over():
    image, old = ClassImage(field()), np.full((3, 3), 77, np.uint8)
    assert image.draw(faces(), old).shape == field().shape
    assert (old == 77).all()
