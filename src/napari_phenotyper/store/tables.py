"""Parquet files with a JSON record of ours in their footer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import PhenotyperError, ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.store.files import project_error, replacing

Columns = Sequence[tuple[str, str]]
"""Names of columns and their Arrow types ("int32", "float32", "string" …)."""

Write = Callable[[Sequence[NDArray[np.generic] | Sequence[str]]], None]
"""Writes one row group: an array per column."""

_RECORD = b"phenotyper"


@contextmanager
def table_writer(path: Path, columns: Columns, record: Mapping[str, Json]) -> Iterator[Write]:
    """Yield a function that writes a row group to a table that takes its place when the body ends.

    Float columns neither repeat nor sort, so dictionaries and statistics are left out: with them the footer of a
    plate grows to many times its size. Pages carry checksums.

    Raises
    ------
    ProjectError
        If the disk is full, the folder may not be written …
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [pa.field(name, pa.type_for_alias(kind)) for name, kind in columns]
    schema = pa.schema(fields, metadata={_RECORD: json.dumps(record, separators=(",", ":"))})
    options: dict[str, Any] = {
        "compression": "lz4",  # features hardly compress; reading and writing take a third of the time of zstd
        "use_dictionary": False,
        "write_statistics": False,
        "write_page_checksum": True,
    }
    with replacing(path) as scratch, pq.ParquetWriter(scratch, schema, **options) as writer:

        def write(arrays: Sequence[NDArray[np.generic] | Sequence[str]]) -> None:
            if arrays and len(arrays[0]):
                table = pa.Table.from_arrays([pa.array(a, f.type) for a, f in zip(arrays, fields)], schema=schema)
                writer.write_table(table, row_group_size=len(table))

        yield write


def table_record(path: Path) -> dict[str, Any]:
    """Return the record in a table's footer. Raises ProjectError for a missing, foreign or damaged file."""
    import pyarrow.parquet as pq

    with _damage_explained(path):
        raw = pq.read_metadata(path).metadata or {}
        record = json.loads(raw[_RECORD])
        if not isinstance(record, dict):
            raise ValueError("its record is no JSON object")
        return record


def read_table(path: Path) -> tuple[list[list[Any] | NDArray[np.generic]], dict[str, Any]]:
    """Return the columns of a whole table, in order, and its record.

    Columns of numbers come as arrays, of text as lists. Raises ProjectError for a missing, foreign or damaged file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    record = table_record(path)
    with _damage_explained(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        table = file.read()
        return [c.to_pylist() if pa.types.is_string(c.type) else c.to_numpy() for c in table.columns], record


class RowGroups:
    """Reads row groups of tables, keeping the footer and the rows that were read last.

    A plate is read field by field, and the fields of a well share a row group; the footer of a whole plate takes long
    to read.
    """

    def __init__(self) -> None:
        self._footer: tuple[Path, Any] | None = None
        self._rows: tuple[tuple[Path, int, tuple[str, ...]], Any] | None = None

    def read(self, path: Path, group: int, columns: Sequence[str]) -> dict[str, NDArray[np.generic]]:
        """Return arrays by column name, all rows of a row group.

        Raises ProjectError for a damaged table, and for one that is not there any more.
        """
        import pyarrow.parquet as pq

        wanted = (path, group, tuple(columns))
        rows = self._rows
        if rows is not None and rows[0] == wanted:
            return dict(rows[1])
        known = self._footer
        footer = known[1] if known is not None and known[0] == path else None
        with _damage_explained(path), pq.ParquetFile(path, metadata=footer, page_checksum_verification=True) as file:
            self._footer = (path, file.metadata)
            table = file.read_row_group(group, columns=list(columns))
            found = {name: table.column(name).to_numpy() for name in columns}
        self._rows = (wanted, found)
        return dict(found)


@contextmanager
def _damage_explained(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises over a damaged table into a ProjectError: ValueErrors, and OSErrors without a number."""
    try:
        yield
    except PhenotyperError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise project_error(error, path) from error
        reason = str(error).partition("\n")[0]
        raise ProjectError(f"The table {path} is damaged or not ours: {reason}.", "Have it computed again.") from error
