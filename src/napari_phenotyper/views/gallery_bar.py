"""What the gallery shows and in which order: a line of boxes, each of which can be searched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QComboBox, QCompleter, QPushButton, QWidget
from superqt.utils import QFlowLayout

from napari_phenotyper.core.annotations import Phenotype
from napari_phenotyper.core.wells import wells_named
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.survey import Survey
from napari_phenotyper.session.choosing import CellQuery
from napari_phenotyper.views.plain import plain_tip

Entry = tuple[str, str]
"""What a box shows, and what it means."""
_CLASSES: tuple[Entry, ...] = (("All classes", ""),)
_ANNOTATED: tuple[Entry, ...] = (
    ("Annotated or not", ""),
    ("Not annotated", "no"),
    ("Annotated", "yes"),
)
_PLACES: tuple[Entry, ...] = (
    ("All wells", ""),
    ("The open well", "open"),
    ("Wells selected on the map", "selected"),
    ("Negative controls", "role:negative"),
)
_ORDERS: tuple[Entry, ...] = (
    ("Doubtful first", "uncertainty:"),
    ("Surest first", "probability:"),
    ("At random", "random:"),
    ("Well by well", "position:"),
)
_RISING = ("position", "random")
_NARROW = 28
_TYPE = "Wells, or what was done to them; or type names of wells and press Return: B03, C04, or B* for row B"


class SearchBox(QComboBox):
    """A box with many entries: type a part of a name to find it."""

    def __init__(self, tip: str, letters: int = 10) -> None:
        super().__init__()
        self._entries: tuple[Entry, ...] = ()
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.completer().setFilterMode(Qt.MatchFlag.MatchContains)
        self.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(letters)
        self.setMaxVisibleItems(20)
        self._tip = tip
        self.lineEdit().editingFinished.connect(self._tidy)
        self.currentIndexChanged.connect(self._tidy)

    def fill(self, entries: Sequence[Entry], colours: Sequence[str] = ()) -> None:
        """List entries, with a square of each colour in front of the last ones; what is chosen stays if it can."""
        if tuple(entries) == self._entries and not colours:
            return
        chosen, self._entries = self.value(), tuple(entries)
        with QSignalBlocker(self):
            self.clear()
            first = len(entries) - len(colours)
            for place, (text, value) in enumerate(entries):
                self.addItem(text, value)
                if place >= first:
                    self.setItemIcon(place, _square(colours[place - first]))
            self.setCurrentIndex(max(self.findData(chosen), 0))
        self._tidy()

    def value(self) -> str:
        """Return what the entry that is chosen means."""
        return str(self.currentData() or "")

    def choose(self, value: str) -> None:
        """Choose an entry without telling; the first where there is no such."""
        with QSignalBlocker(self):
            self.setCurrentIndex(max(self.findData(value), 0))
        self._tidy()

    def _tidy(self, _: object = None) -> None:
        """Show what is chosen, from its beginning, in place of what was left half typed."""
        self.setEditText(self.itemText(self.currentIndex()))
        self.lineEdit().setCursorPosition(0)
        self.setToolTip(plain_tip(f"{self._tip}:\n{self.currentText()}"))


class WellBox(SearchBox):
    """A box of places in which names of wells may be typed, too."""

    typed = Signal()
    """Wells were typed, and are chosen now."""
    unknown = Signal(str)
    """Words that name neither an entry nor a well."""

    def __init__(self, tip: str) -> None:
        super().__init__(tip)
        self._known: tuple[str, ...] = ()
        self._places: tuple[Entry, ...] = ()
        self._named: tuple[Entry, ...] = ()
        self.lineEdit().returnPressed.connect(self._take)

    def fill_places(self, places: Sequence[Entry], wells: Iterable[str]) -> None:
        """List places; these wells may be typed. What was typed last is an entry, too."""
        self._known, self._places = tuple(wells), tuple(places)
        self.fill([*self._places, *self._named])

    def _take(self) -> None:
        text = self.lineEdit().text().strip()
        if not text or self.findText(text, Qt.MatchFlag.MatchFixedString) >= 0:
            return
        found, unknown = wells_named(text, self._known)
        if unknown or not found:
            self.unknown.emit(", ".join(unknown or (text,)))
            return
        value = f"wells:{','.join(found)}"
        self._named = ((text, value),)
        self.fill([*self._places, *self._named])
        self.choose(value)
        self.typed.emit()


class GalleryBar(QWidget):
    """Class, annotation, wells, order, and the channel that is shown.

    Parameters
    ----------
    desk
        Whose classes, treatments and features.
    """

    filtered = Signal(object)
    """CellQuery: other cells are wanted."""
    ordered = Signal(str, str, bool)
    """Sort, by, descending: the same cells in another order."""
    channel_chosen = Signal(str)
    """Label of the one channel to show; "" for all, as on the canvas."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.classes = SearchBox("Cells that are predicted to be of this class")
        self.annotated = SearchBox("Cells that somebody annotated, or not, or with this class")
        self.places = WellBox(_TYPE)
        self.orders = SearchBox("The order: by doubt, a class, a feature, by chance, or well by well", 11)
        self.channels = SearchBox("Colours of the canvas, or one channel in grey; contrast is the canvas's")
        self.turn = _button("⇅", "The other way round", checkable=True)
        self.again = _button("↻", "Ask once more: there may be other predictions or more cells since these were chosen")
        self.outlined = _button("◌", "A line around the cell that a picture is of", checkable=True)
        self.outlined.setChecked(desk.gallery.outlined)
        line = QFlowLayout(self)  # on a narrow screen the boxes take several lines
        line.setContentsMargins(0, 0, 0, 0)
        line.setHorizontalSpacing(3)
        line.setVerticalSpacing(3)
        boxes = self.classes, self.annotated, self.places, self.orders
        for widget in (*boxes, self.turn, self.again, self.outlined, self.channels):
            line.addWidget(widget)
        for box in (self.classes, self.annotated, self.places):
            box.activated.connect(self._filter)
        self.places.typed.connect(self._filter)
        self.places.unknown.connect(self._unknown)
        self.orders.activated.connect(self._order)
        self.turn.clicked.connect(self._order)
        self.channels.activated.connect(self._channel)
        self.refresh()

    def refresh(self) -> None:
        """List classes, treatments and features anew."""
        phenotypes, session = self._desk.session.annotations.phenotypes, self._desk.session
        named = [(p.name, f"class:{p.name}") for p in phenotypes]
        colours = [p.colour for p in phenotypes]
        self.classes.fill([*_CLASSES, *named], colours)
        self.annotated.fill([*_ANNOTATED, *((f"as {name}", value) for name, value in named)], colours)
        treatments = dict.fromkeys(c.treatment for c in session.layout.conditions.values() if c.treatment)
        places = [*_PLACES, *((name, f"treatment:{name}") for name in treatments)]
        if len(session.plates) > 1:
            places += [(f"Plate {name}", f"plate:{name}") for name in session.plates]
        self.places.fill_places(places, (well.name for plate in session.plates.values() for well in plate.wells))
        plate = self._desk.viewing.plate
        columns = self._desk.surveys.get(plate.name, Survey()).columns if plate is not None else ()
        likely = [(f"Most like {p.name}", f"probability:{p.name}") for p in phenotypes]
        self.orders.fill([*_ORDERS, *likely, *((name, f"feature:{name}") for name in columns)])
        labels = [channel.label for channel in plate.channels] if plate is not None else []
        self.channels.fill([("As on canvas", ""), *((f"{label} in grey", label) for label in labels)])

    def set_query(self, query: CellQuery) -> None:
        """Show what is asked; the boxes are silent."""
        self.classes.choose(f"class:{query.predicted}" if query.predicted else "")
        given = f"class:{query.annotated_as}" if query.annotated_as else ""
        self.annotated.choose(given or {None: "", True: "yes", False: "no"}[query.annotated])
        self.places.choose(_place_of(query))
        self.orders.choose(f"{query.sort}:{query.by}")
        self.turn.setChecked(query.descending != (query.sort not in _RISING))

    def set_stale(self, is_stale: bool) -> None:
        """Say, or say no more, that predictions have changed or cells have come since these were chosen."""
        self.again.setText("↻ anew" if is_stale else "↻")
        self.again.setFixedWidth(64 if is_stale else _NARROW)

    def query(self) -> CellQuery:
        """Return what the boxes say."""
        given = self.annotated.value()
        kind, _, name = given.partition(":")
        sort, by, descending = self._sort()
        return replace(
            self._place(CellQuery()),
            predicted=self.classes.value().partition(":")[2],
            annotated_as=name,
            annotated={"yes": True, "no": False}.get(kind),
            sort=sort,
            by=by,
            descending=descending,
        )

    def _sort(self) -> tuple[str, str, bool]:
        sort, _, by = self.orders.value().partition(":")
        return sort, by, (sort not in _RISING) != self.turn.isChecked()

    def _place(self, query: CellQuery) -> CellQuery:
        kind, _, name = self.places.value().partition(":")
        wish = self._desk.viewing.wish
        if kind == "open" and wish is not None:
            return replace(query, plates=(wish.plate,), wells=(wish.well,))
        if kind == "selected" and self._desk.selected and wish is not None:
            return replace(query, plates=(wish.plate,), wells=tuple(sorted(self._desk.selected)))
        if kind == "wells":
            return replace(query, wells=tuple(name.split(",")))
        fields = {"role": "roles", "treatment": "treatments", "plate": "plates"}
        return replace(query, **{fields[kind]: (name,)}) if kind in fields else query

    def _filter(self, _: object = None) -> None:
        self.filtered.emit(self.query())

    def _unknown(self, words: str) -> None:
        self._desk.background.tell(f"No well and no treatment is named {words}: type for example B03, C04 or B*.")

    def _order(self, _: object) -> None:
        self.ordered.emit(*self._sort())

    def _channel(self, _: object) -> None:
        self.channel_chosen.emit(self.channels.value())


def _place_of(query: CellQuery) -> str:
    """Return the entry of the box of wells that a query began from, the first where none says it."""
    for kind, names in (("treatment", query.treatments), ("role", query.roles), ("plate", query.plates)):
        if len(names) == 1 and not query.wells:
            return f"{kind}:{names[0]}"
    names = [well for well in query.wells if isinstance(well, str)]
    return f"wells:{','.join(names)}" if names and not query.plates else ""


def _button(sign: str, tip: str, checkable: bool = False) -> QPushButton:
    button = QPushButton(sign)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(checkable)
    button.setFixedWidth(_NARROW)
    return button


def _square(colour: str) -> QIcon:
    picture = QPixmap(12, 12)
    picture.fill(QColor(colour))
    return QIcon(picture)


def class_menu_entries(phenotypes: Sequence[Phenotype]) -> list[tuple[QIcon, str, str]]:
    """Return icon, text and name of each class, as a menu shows them."""
    return [(_square(p.colour), f"{p.name}\t{p.key}" if p.key else p.name, p.name) for p in phenotypes]
