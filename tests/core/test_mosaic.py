"""Where wells and fields lie in a mosaic."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from napari_phenotyper.core.channels import guess_roles
from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.core.field import FieldInfo
from napari_phenotyper.core.mosaic import make_plan
from napari_phenotyper.core.plate import Plate, Well
from napari_phenotyper.core.wells import PLATE_SHAPES, FieldRef, well_name


@dataclass(frozen=True)
class Source:
    """A field whose pixels nobody reads."""

    shape: tuple[int, int] = (2048, 2048)
    damaged: bool = False

    def info(self):
        if self.damaged:
            raise PixelError("It is damaged.", "Copy it again.")
        return FieldInfo((1, 2, 1, *self.shape), "uint16", 0.5, (self.shape,))


def plate_of(wells, fields=1, source=None):
    names = guess_roles(["DAPI", "tubulin"])
    return Plate("P", "/p", tuple(Well(w, (source or Source(),) * fields) for w in wells), names)


def whole(count):
    rows, columns = PLATE_SHAPES[count]
    return [well_name(r, c) for r in range(1, rows + 1) for c in range(1, columns + 1)]


@pytest.mark.parametrize("count", PLATE_SHAPES)
@pytest.mark.parametrize("fields", [1, 9, 100])
def test_no_side_of_a_mosaic_is_longer_than_the_limit(count, fields):
    plan = make_plan(plate_of(whole(count), fields), 4096)
    assert max(plan.size) <= 4096 and min(plan.tile) >= 4


@pytest.mark.parametrize(("wells", "fields"), [(["B02", "C05", "H12"], 4), (["AF48"], 1), (whole(96), 5)])
def test_each_field_has_a_place_of_its_own_and_is_found_there(wells, fields):
    plan = make_plan(plate_of(wells, fields))
    seen = set()
    for ref in plan.refs():
        rows, columns = plan.box(ref)
        assert plan.at(rows.start, columns.start) == plan.at(rows.stop - 1, columns.stop - 1) == ref
        assert rows.stop <= plan.size[0] and columns.stop <= plan.size[1]
        seen.add((rows.start, columns.start))
    assert len(seen) == len(wells) * fields


def test_outer_wells_without_images_take_no_room_and_inner_ones_leave_a_gap():
    plan = make_plan(plate_of(["B02", "B04", "C03"]))
    assert plan.wells == (2, 3) and plan.corner == (2, 2)
    assert sorted(plan.missing()) == [(2, 3), (3, 2), (3, 4)]
    top, left, bottom, right = plan.well_box(2, 3)
    assert plan.at((top + bottom) / 2, (left + right) / 2) is None and plan.at(0, 0) is None


def test_a_point_in_a_well_beside_its_fields_means_the_nearest():
    plan = make_plan(plate_of(["B02"], 3))  # two above, one below and an empty place
    top, left, bottom, right = plan.well_box(2, 2)
    assert plan.at(bottom - 1, right - 1) == FieldRef("P", "B02", 3)
    assert plan.at(top, left) == FieldRef("P", "B02", 1)


def test_thumbnails_keep_the_shape_of_the_fields_and_never_enlarge_them():
    assert make_plan(plate_of(["B02"], 1, Source((1000, 2000)))).tile == (128, 256)
    plan = make_plan(plate_of(["B02"], 1, Source((100, 50))))
    assert plan.tile == (100, 50) and plan.pixel_size == 0.5


def test_a_plate_whose_fields_cannot_be_read_has_a_mosaic_too():
    assert make_plan(plate_of(["B02", "B03"], 2, Source(damaged=True))).tile == (256, 256)
