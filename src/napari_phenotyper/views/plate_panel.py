"""The plate of a desk as a map, and what it is coloured by."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QCompleter, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.survey import (
    Survey,
    annotation_counts,
    cell_counts,
    class_shares,
    doubts,
    feature_means,
    flag_counts,
    uncertainties,
)
from napari_phenotyper.pages.compose import SIMULATED
from napari_phenotyper.pages.result_plots import map_plot
from napari_phenotyper.views.plate_map import MapFace, PlateMap
from napari_phenotyper.views.qt_thread import Soon
from napari_phenotyper.views.saving import Offer, SaveButton

CELLS, FLAGGED, ANNOTATED, UNCERTAIN = "cells", "flagged", "annotated", "uncertain"
SHARE, FEATURE, SCORE = "share", "feature", "score"

_MOST_SCORES = 24
"""With more columns, only the one that is chosen in the tab Results is listed, and the strongest."""


class PlatePanel(QWidget):
    """Shows the plate that is open; a click opens a field.

    Parameters
    ----------
    desk
        What to show.

    Signals
    -------
    recoloured()
        The map shows other values.
    """

    recoloured = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._features: Mapping[str, float] = {}
        self._asked, self._known = ("", ""), ("", "")
        self._shown = desk.viewing.plate.name if desk.viewing.plate is not None else ""
        self.map = PlateMap()
        self.plates, self.colours = QComboBox(), QComboBox()
        self.save = SaveButton(desk.background, self._offered)
        self._selection = QLabel()
        self._entries: list[tuple[str, str]] = []
        self._soon = Soon(self, self.refresh)
        self._lay_out()
        self._fill_plates()
        self._fill_colours()
        self.map.well_clicked.connect(desk.viewing.show_well)
        self.map.well_stepped.connect(desk.viewing.show_well)
        self.map.selection_changed.connect(desk.select)
        self.plates.textActivated.connect(desk.viewing.show_plate)
        self.colours.currentIndexChanged.connect(self.refresh)
        self.colours.currentIndexChanged.connect(self._tidy)
        self.colours.lineEdit().editingFinished.connect(self._tidy)
        desk.viewing.events.asked.connect(self._opened)
        desk.events.plates.connect(self._fill_plates)
        desk.events.survey.connect(self._surveyed)
        desk.events.predictions.connect(self._soon.ask)
        desk.events.selection.connect(self._selected)
        desk.marking.events.classes.connect(self._fill_colours)
        desk.results.events.found.connect(self._show_hits)
        desk.results.events.shown.connect(self._show_hits)
        desk.results.events.recalled.connect(self._list_scores)

    def colour_by(self, kind: str, name: str = "") -> None:
        """Colour the wells by a quantity above; a class's "share", a "feature"'s mean or a hit "score" has a name."""
        self.colours.setCurrentIndex(self.colours.findData(f"{kind}:{name}"))

    def refresh(self, _: object = None) -> None:
        """Draw the map anew."""
        plate = self._desk.viewing.plate
        if plate is not None:
            self.map.set_face(self._face(plate))
            self.recoloured.emit()
            if self._desk.viewing.wish is not None:
                self.map.set_open(self._desk.viewing.wish.well)

    def _lay_out(self) -> None:
        self.plates.setToolTip("Which plate of the project is shown")
        self.colours.setToolTip("What the wells are coloured by")
        for box in (self.plates, self.colours):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.colours.setEditable(True)
        self.colours.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.colours.completer().setFilterMode(Qt.MatchFlag.MatchContains)
        self.colours.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.colours.setMinimumContentsLength(14)
        self._selection.setObjectName("selection")
        self._selection.setWordWrap(True)
        self._selection.hide()
        self.line = QHBoxLayout()
        self.line.addWidget(self.plates, 1)
        self.line.addWidget(self.colours, 2)
        self.line.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.line)
        column.addWidget(self.map, 1)
        column.addWidget(self._selection)

    def _offered(self) -> list[Offer]:
        """Return the map as it is coloured now."""
        plate, face = self._desk.viewing.plate, self.map.face
        if plate is None or face is None:
            return []
        drawn = face.values, plate.name, face.title, face.roles, plate.layout
        looks = {"shape": face.shape, "percent": face.percent, "diverging": face.diverging}
        simulated = plate.name.startswith(SIMULATED)
        return [Offer(face.title, f"map {face.title}", partial(map_plot, *drawn, **looks, simulated=simulated))]

    def _tidy(self, _: object = None) -> None:
        """Show what is chosen, a long name from its beginning, in place of what was left half typed."""
        self.colours.setEditText(self.colours.itemText(self.colours.currentIndex()))
        self.colours.lineEdit().setCursorPosition(0)

    def _fill_plates(self) -> None:
        names = list(self._desk.session.plates)
        if names != [self.plates.itemText(i) for i in range(self.plates.count())]:
            self.plates.clear()
            self.plates.addItems(names)
        self.plates.setVisible(len(names) > 1)
        self.refresh()

    def _fill_colours(self) -> None:
        """List what the wells can be coloured by, and keep what is chosen if it is still there."""
        plate = self._desk.viewing.plate
        columns = self._desk.surveys.get(plate.name, Survey()).columns if plate is not None else ()
        entries = [("Cells per well", f"{CELLS}:"), ("Annotated cells", f"{ANNOTATED}:")]
        entries += [(f"Share of {name}", f"{SHARE}:{name}") for name in self._desk.session.annotations.classes]
        entries += [("Uncertainty of the classifier", f"{UNCERTAIN}:"), ("Doubtful fields per well", f"{FLAGGED}:")]
        entries += self._scores()
        entries += [(name, f"{FEATURE}:{name}") for name in columns]
        if entries != self._entries:
            self._entries = entries
            chosen, place = self.colours.currentData(), self.colours.currentIndex()
            renamed = len(entries) == self.colours.count()
            self.colours.blockSignals(True)
            self.colours.clear()
            for text, data in entries:
                self.colours.addItem(text, data)
            found = self.colours.findData(chosen)
            self.colours.setCurrentIndex(found if found >= 0 else place if renamed else 0)
            self.colours.blockSignals(False)
            self.refresh()
        else:
            self._soon.ask()

    def _scores(self) -> list[tuple[str, str]]:
        """Return what there is to choose once hits were found: the strongest score, and that of the classes."""
        results = self._desk.results
        if results.findings is None:
            return []
        columns = results.findings.table.columns
        named = columns if len(columns) <= _MOST_SCORES else [results.column] if results.column else []
        kind = "class" if results.findings.question.upwards else "feature"
        strongest = [(f"Hit score of the strongest {kind}", f"{SCORE}:")] if len(columns) > 1 else []
        return [*strongest, *((f"Hit score of {name}", f"{SCORE}:{name}") for name in named)]

    def _show_hits(self, _: object) -> None:
        """Colour the wells by the score that is shown."""
        results = self._desk.results
        if results.findings is not None:
            self._fill_colours()
            columns = results.findings.table.columns
            self.colour_by(SCORE, results.column or (columns[0] if len(columns) == 1 else ""))
            self.refresh()

    def _list_scores(self, _: object) -> None:
        """List the scores of an earlier window; the colours stay as they are."""
        self._fill_colours()

    def _opened(self, ref: object) -> None:
        if self._shown != ref.plate:  # the list of plates may say so already, where the user chose there
            self._shown = ref.plate
            self.plates.setCurrentText(ref.plate)
            self._desk.select(())
            self._fill_colours()
            self.refresh()
        self.map.set_open(ref.well)

    def _surveyed(self, plate: str) -> None:
        if plate == self._shown:
            self._asked = ("", "")
            self._fill_colours()

    def _selected(self, wells: frozenset[str]) -> None:
        self.map.set_selected(wells)
        self._selection.setVisible(bool(wells))
        what = "1 well" if len(wells) == 1 else f"{len(wells)} wells"
        self._selection.setText(f"{what} selected, and nothing else is segmented and measured (Esc on the map: all).")

    def _face(self, plate: Plate) -> MapFace:
        kind, _, name = (self.colours.currentData() or f"{CELLS}:").partition(":")
        values = self._values(plate, kind, name)
        rows = {well.name: plate.layout.of(WellRef(plate.name, well.name)) for well in plate.wells}
        known = self._desk.surveys.get(plate.name, Survey())
        cells, doubtful = cell_counts(plate, known), doubts(plate, known)
        texts = {w: _text(condition.treatment, cells[w], doubtful.get(w, "")) for w, condition in rows.items()}
        roles = {w: condition.role for w, condition in rows.items() if len(plate.layout)}
        title = self.colours.itemText(self.colours.currentIndex())  # not what is being typed
        percent, signed = kind in (SHARE, UNCERTAIN), kind == SCORE
        return MapFace(plate.shape, values, title, percent, roles, texts, None, doubtful.keys(), signed)

    def _values(self, plate: Plate, kind: str, name: str) -> Mapping[str, float]:
        sums = self._desk.predictions.sums(plate.name)
        if kind == ANNOTATED:
            return annotation_counts(plate, self._desk.session.annotations)
        if kind == SHARE:
            return class_shares(plate, sums, name)
        if kind == FLAGGED:
            return flag_counts(plate, self._desk.surveys.get(plate.name, Survey()))
        if kind == UNCERTAIN:
            return uncertainties(plate, sums)
        if kind == FEATURE:
            return self._feature(plate, name)
        if kind == SCORE:
            return self._desk.results.scores(plate.name, name)
        return cell_counts(plate, self._desk.surveys.get(plate.name, Survey()))

    def _feature(self, plate: Plate, name: str) -> Mapping[str, float]:
        """Return the means of a feature: while they are read in the background those known before, or none."""
        asked = plate.name, name
        if self._asked != asked:
            self._asked = asked

            def read(values: Mapping[str, float]) -> None:
                self._known, self._features = asked, values
                self.refresh()

            snapshot = self._desk.session.snapshot()
            self._desk.background.read("feature", "replace", feature_means, snapshot, plate.name, name, on_result=read)
        known = self._features if self._known == asked else {}
        return {well.name: known.get(well.name, float("nan")) for well in plate.wells}


def _text(treatment: str, cells: float, doubtful: str) -> str:
    words = [treatment] if treatment else []
    if cells == cells:
        words.append(f"{cells:.0f} cells")
    return "\n".join([*words, doubtful] if doubtful else words)
