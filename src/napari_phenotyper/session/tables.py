"""CSV in and out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from napari_phenotyper.core.errors import TableError


def read_table(path: Path, required: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file (comma, semicolon or tab; UTF-8 with or without BOM).

    Parameters
    ----------
    path
        The file.
    required
        Columns that must be there; names are compared without case.

    Returns
    -------
    list of (line number, row)
        Column names in lower case; cells stripped of blanks.

    Raises
    ------
    TableError
        If the file is missing, is no text, or lacks a column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{path} cannot be read: {error}.", "Save it as CSV with UTF-8 encoding.") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    names = [(n or "").strip().casefold() for n in reader.fieldnames or ()]
    missing = [name for name in required if name not in names]
    if missing:
        raise TableError(
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; it has: "
            f"{', '.join(n for n in names if n) or 'none'}.",
            "The first line must name the columns.",
        )
    rows = []
    for row in reader:
        cells = {(k or "").strip().casefold(): (v or "").strip() for k, v in row.items() if isinstance(v, str | None)}
        if any(cells.values()):
            rows.append((reader.line_num, cells))
    return rows


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV text; a value that a row lacks stays empty, numbers keep six digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return out.getvalue()


def _cell(value: object) -> object:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
