"""A plot: a figure, its title and its numbers; one function saves it as a picture, a drawing or a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.pages.style import to_png, to_svg
from napari_phenotyper.session.exporting import Rows, write_table
from napari_phenotyper.store.files import replacing

SAVED_DPI = 200
PICTURES, TABLES = (".png", ".svg"), (".csv", ".parquet")
KINDS = "PNG picture (*.png);;SVG drawing (*.svg);;Its numbers as CSV (*.csv)"
"""What a file dialog offers."""


@dataclass(frozen=True, eq=False)
class Plot:
    """A figure that can be saved.

    Attributes
    ----------
    name
        Of its files, without ending.
    title
        For a list of figures.
    figure
        matplotlib's.
    rows
        The numbers that it shows: columns and rows.
    """

    name: str
    title: str
    figure: Figure
    rows: Rows


def save_plot(plot: Plot, path: Path) -> Path:
    """Write a plot as its file's ending says, PNG if it has none; return the file.

    Raises
    ------
    SettingError
        For another ending than .png, .svg, .csv and .parquet.
    ProjectError
        If it cannot be written.
    """
    path = path if path.suffix else path.with_suffix(".png")
    ending = path.suffix.lower()
    if ending in TABLES:
        write_table(path, *plot.rows)
    elif ending in PICTURES:
        content = to_svg(plot.figure) if ending == ".svg" else to_png(plot.figure, SAVED_DPI)
        with replacing(path) as place:
            place.write_bytes(content)
    else:
        raise SettingError(f"A figure cannot be saved as {ending}.", "End the name in .png, .svg, .csv or .parquet.")
    return path


def save_everywhere(plot: Plot, folder: Path) -> list[Path]:
    """Write a plot as PNG, SVG and CSV into a folder; return the files. Raises ProjectError."""
    folder.mkdir(parents=True, exist_ok=True)
    return [save_plot(plot, folder / f"{plot.name}{ending}") for ending in (*PICTURES, ".csv")]
