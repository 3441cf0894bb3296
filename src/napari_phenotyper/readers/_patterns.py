"""File names that say where an image belongs: those of common microscopes, and the user's own pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from napari_phenotyper.core.errors import PlateError, SettingError
from napari_phenotyper.core.wells import parse_well, row_letters, well_name
from napari_phenotyper.readers._file_field import Place

_SAMPLE = 600
"""Files on which patterns compete; spread evenly, they rank as all files do."""

_FOLDER_AXES = re.compile(r"(?P<axis>ZStep|TimePoint)_(?P<number>\d+)", re.IGNORECASE)

_PLACEHOLDERS = {
    "plate": r"[^/]+",
    "well": r"[A-Za-z]{1,2}[ _-]?\d{1,3}|[rR]\d{1,2}[ _-]?[cC]\d{1,2}",
    "row": r"[A-Za-z]{1,2}|\d{1,2}",
    "col": r"\d{1,2}",
    "field": r"[A-Za-z0-9]+",
    "channel": r"[^/]+?",
    "z": r"\d+",
    "time": r"\d+",
}


@dataclass(frozen=True)
class NamePattern:
    """A regular expression over the end of a path, whose groups say where the file belongs.

    Attributes
    ----------
    title
        Whose naming it is.
    expression
        Groups plate, well (or row and col), field, channel, z, time; all but the well may be missing.
    folders
        How many folders above the file it speaks of.
    axis_folders
        Whether MetaXpress's folders for z and time (ZStep_3, TimePoint_2) are read apart from it.
    """

    title: str
    expression: re.Pattern[str]
    folders: int = 0
    axis_folders: bool = True

    def place(self, path: str) -> Place | None:
        """Return where a file belongs, or None if its name does not fit.

        Parameters
        ----------
        path
            Relative to the folder that was opened, with forward slashes.
        """
        parts, axes = path.split("/"), dict[str, str]()
        if self.axis_folders:
            parts, axes = _without_axes(parts)
        if len(parts) <= self.folders:
            return None
        split = len(parts) - self.folders - 1
        match = self.expression.fullmatch("/".join(parts[split:]))
        if match is None:
            return None
        said = {name: text or "" for name, text in match.groupdict().items()}
        try:
            row, column = _position(said)
        except PlateError:
            return None
        return Place(
            path=path,
            folder="/".join(_plate_folder(parts[:split], row, column)),
            plate=said.get("plate", ""),
            well=well_name(row, column),
            field=said.get("field", ""),
            channel=said.get("channel", ""),
            z=said.get("z", "") or axes.get("zstep", ""),
            time=said.get("time", "") or axes.get("timepoint", ""),
        )


def _without_axes(parts: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return a path without MetaXpress's folders for z and time, and what they say."""
    kept, axes = [], {}
    for part in parts:
        if match := _FOLDER_AXES.fullmatch(part):
            axes[match["axis"].lower()] = match["number"]
        else:
            kept.append(part)
    return kept, axes


def _position(said: dict[str, str]) -> tuple[int, int]:
    """Return row and column of the well that a name speaks of. Raises PlateError."""
    if "row" not in said or not said["row"]:
        return parse_well(said["well"])
    row = row_letters(int(said["row"])) if said["row"].isdigit() else said["row"]
    return parse_well(f"{row}{int(said['col']):02d}")


def _plate_folder(parts: list[str], row: int, column: int) -> list[str]:
    """Return the folder of a plate: without those above the file that only repeat the well, or are called Images."""
    kept = list(parts)
    if kept and kept[-1].isdigit() and int(kept[-1]) == column and kept[-2:-1] == [row_letters(row)]:
        del kept[-2:]
    while kept and (kept[-1].casefold() == "images" or _names(kept[-1], row, column)):
        kept.pop()
    return kept


def _names(folder: str, row: int, column: int) -> bool:
    """Tell whether a folder is named after a well ("B03", "Well-B003")."""
    try:
        return parse_well(re.sub(r"^well[-_ ]?", "", folder, flags=re.IGNORECASE)) == (row, column)
    except PlateError:
        return False


# The user's own


def compiled(pattern: str) -> NamePattern:
    """Return the user's pattern, such as ``{plate}_{well}_s{field}_w{channel}.tif``.

    Placeholders are plate, well (or row and col), field, channel, z and time; ``*`` stands for any text within a name;
    a slash goes into a folder. Upper and lower case are the same. A placeholder that comes twice must say the same.

    Raises
    ------
    SettingError
        If it names no well, or a placeholder that does not exist.
    """
    text = pattern.strip().replace("\\", "/").strip("/")
    known = ", ".join("{" + name + "}" for name in _PLACEHOLDERS)
    expression, seen = "", set()
    for part in re.split(r"(\{[^{}]*\}|\*)", text):
        name = part[1:-1].strip().casefold() if part.startswith("{") else ""
        if part == "*":
            expression += "[^/]*"
        elif not name:
            expression += re.escape(part)
        elif name not in _PLACEHOLDERS:
            raise SettingError(f"The pattern {pattern!r} has an unknown placeholder {part}.", f"There are: {known}.")
        else:
            expression += f"(?P={name})" if name in seen else f"(?P<{name}>{_PLACEHOLDERS[name]})"
            seen.add(name)
    if "well" not in seen and not {"row", "col"} <= seen:
        raise SettingError(
            f"The pattern {pattern!r} names no well.",
            "Write {well}, or {row} and {col}, where the file or folder names say it: {plate}_{well}_s{field}.tif.",
        )
    own_axes = re.search(r"zstep|timepoint", text, re.IGNORECASE) is not None
    return NamePattern(f"pattern {pattern}", re.compile(expression, re.IGNORECASE), text.count("/"), not own_axes)


# Those that are recognised unasked

_EXT = r"\.(?i:tiff?|png|jpe?g|bmp)"
_UUID = r"(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})?"
_ROW = r"(?:A[A-F]|[A-Z])"
_WELL = rf"(?P<well>{_ROW}\d{{1,3}})"
_T = r"(?i:[_-]t(?P<time>\d+))"
_Z = r"(?i:[_-]z(?P<z>\d+))"
_ANY_AXIS = r"(?i:[_-][tz]\d+)"
_NUMBER = r"(?P<field>(?i:fov|field|site|pos|f|s)?[_-]?\d{1,4})"
_FIELD = r"(?P<field>(?i:fov|field|site|pos|f|s)[_-]?\d{1,4})"
# a name that holds another well ("P1_B02_DAPI") is no channel of well P01
_CHANNEL = rf"(?P<channel>(?i:c|ch|w|d)\d+|(?!(?:[^/]*[_-])?{_ROW}\d{{2,3}}[_.-])[A-Za-z0-9][^/]*?)"
_START = rf"(?:(?P<plate>[^/]+?)[_-])??{_WELL}"
_WELL_FOLDER = rf"(?:(?i:well[-_ ]?)|(?={_ROW}\d\d)){_WELL}/"
_ROW_FOLDERS = rf"(?P<row>{_ROW})/(?P<col>\d{{1,2}})/"


def _built_in(title: str, expression: str, flags: re.RegexFlag = re.RegexFlag.NOFLAG, folders: int = 0) -> NamePattern:
    return NamePattern(title, re.compile(expression + _EXT, flags), folders)


def microscope_patterns() -> tuple[NamePattern, ...]:
    """Return the patterns of microscopes' own names; where one fits, it fits in every part."""
    any_case = re.IGNORECASE
    return (
        _built_in(
            "MetaXpress",
            rf"(?:(?P<plate>[^/]+?)_)??{_WELL}(?=_[sw]\d)(?:_(?P<field>s\d+?))?(?:_(?P<channel>w\d+?))?"
            rf"(?:_z(?P<z>\d+?))?(?:_t(?P<time>\d+?))?{_UUID}",
            any_case,
        ),
        _built_in(
            "Operetta",
            r"r(?P<row>\d{2})c(?P<col>\d{2})(?P<field>f\d+)p(?P<z>\d+)(?:rc?\d+)?-(?P<channel>ch\d+)"
            r"(?:sk(?P<time>\d+))?(?:fk\d+)?(?:fl\d+)?",
            any_case,
        ),
        _built_in(
            "Yokogawa",
            rf"(?:(?P<plate>[^/]+)_)?{_WELL}_T(?P<time>\d+)(?P<field>F\d+)L\d+A\d+Z(?P<z>\d+)(?P<channel>C\d+)",
        ),
        _built_in("Cellomics", rf"(?:(?P<plate>[^/]+)_)?{_WELL}(?P<field>f\d+)(?P<channel>d\d+)"),
        _built_in(
            "channel, row and column",
            r"(?P<channel>Channel ?\d+)-\d+-(?P<row>[A-P])-(?P<col>\d{2})(?:-(?P<field>\d+))?",
            any_case,
        ),
    )


def general_patterns() -> tuple[NamePattern, ...]:
    """Return the patterns of plain names, in files and then in folders, the most particular first."""
    number_channel = rf"{_START}(?:[_-]{_NUMBER})?[_-]{_CHANNEL}"
    in_names = (
        _built_in("well, channel, field", rf"{_START}[_-]{_CHANNEL}[_-]{_FIELD}{_T}?{_Z}?"),
        _built_in("well, field, channel, time or z", rf"{number_channel}(?={_ANY_AXIS}){_T}?{_Z}?"),
        _built_in("well, field, channel", rf"{_START}(?:[_-]{_NUMBER})?{_T}?{_Z}?(?:[_-]{_CHANNEL})?"),
    )
    wheres = (("a folder per well", _WELL_FOLDER, 1), ("folders per row and column", _ROW_FOLDERS, 2))
    insides = (
        ("channel, field", rf"{_CHANNEL}[_-]{_FIELD}{_T}?{_Z}?"),
        ("field", rf"{_NUMBER}{_T}?{_Z}?"),
        ("field, channel", rf"(?:{_FIELD}[_-])?{_CHANNEL}"),
    )
    in_folders = (
        _built_in(f"{title}: {inside}", where + expression, folders=depth)
        for title, where, depth in wheres
        for inside, expression in insides
    )
    return (*in_names, *in_folders)


def known_patterns() -> tuple[NamePattern, ...]:
    """Return all patterns that are recognised unasked, the most particular first."""
    return (*microscope_patterns(), *general_patterns())


def best_pattern(paths: Sequence[str]) -> NamePattern | None:
    """Return the pattern that explains most of the files, the most particular one if several do; None if none does.

    A microscope's own naming wins already with half of what the best explains: plain patterns also fit calibration
    images and exports that lie beside the plate.
    """
    for sample in (paths[:: max(1, len(paths) // _SAMPLE)], paths):
        counts = {p: sum(p.place(path) is not None for path in sample) for p in known_patterns()}
        most = max(counts.values())
        if most:
            own = [p for p in microscope_patterns() if 2 * counts[p] >= most]
            return max(own or counts, key=lambda p: counts[p])
    return None
