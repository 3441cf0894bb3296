"""Plates of image files that say in their names where they belong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from napari_phenotyper.core.errors import PlateError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.readers._files import plates
from napari_phenotyper.readers._listing import images, natural
from napari_phenotyper.readers._patterns import NamePattern, best_pattern, compiled, known_patterns

_GLANCE = 2_000
"""Directory entries that `recognises` looks at, a tenth of a second where none fits."""

_EXAMPLES = (
    "P1_B02_s1_w1.tif, r02c02f01p01-ch1sk1fk1fl1.tiff, P1_B02_T0001F001L01A01Z01C01.tif, B02_f1_DAPI.tif, B02/DAPI.tif"
)


@dataclass(frozen=True)
class FilePattern:
    """Image files named by well, field and channel.

    TIFF, PNG, JPEG and BMP files below one folder, which may hold several plates. The names of MetaXpress, Operetta
    (Harmony), Yokogawa, Cellomics, a folder per well, and plain names such as ``B02_f1_DAPI.tif`` are recognised; any
    other naming is given as a pattern. Opening lists the files and reads one header per plate.
    """

    pattern: str = field(
        default="",
        metadata={
            "help": "Where names say what: {plate}_{well}_s{field}_w{channel}.tif; also {row}, {col}, {z}, {time}, * "
            "for any text and / for folders. Empty: recognise the common namings."
        },
    )
    version: ClassVar[int] = 1

    def recognises(self, path: Path) -> bool:
        """Tell whether a file below the folder is named after a well; looks at the first 2,000 entries only."""
        try:
            patterns = self._patterns()
            return any(p.place(name) is not None for name in images(Path(path), _GLANCE) for p in patterns)
        except (OSError, ValueError, TypeError):
            return False

    def read(self, path: Path) -> tuple[Plate, ...]:
        """Return the plates below a folder.

        Raises
        ------
        PlateError
            If it is no folder, or no image file below it is named after a well.
        SettingError
            If the pattern cannot be understood.
        """
        root = Path(path)
        if not root.is_dir():
            what = "is a file, not the folder of a plate" if root.exists() else "does not exist"
            raise PlateError(f"{root} {what}.", "Open the folder that holds the plate's images.")
        names = sorted(images(root), key=natural)
        chosen = compiled(self.pattern) if self.pattern.strip() else best_pattern(names)
        places = [place for name in names if chosen is not None and (place := chosen.place(name)) is not None]
        if chosen is None or not places:
            raise PlateError(*self._nothing_found(root, names))
        known = {place.path for place in places}
        others = [name for name in names if name not in known]
        problems = []
        if others:
            problems.append(
                f"{len(others)} of {len(names)} image files are left out, whose names do not fit "
                f"({chosen.title}); the first is {others[0]}."
            )
        return plates(root, places, chosen.title, problems)

    def _patterns(self) -> tuple[NamePattern, ...]:
        return (compiled(self.pattern),) if self.pattern.strip() else known_patterns()

    def _nothing_found(self, root: Path, names: list[str]) -> tuple[str, str]:
        """Return what is wrong with a folder without plates, and the remedy."""
        if not names:
            return (
                f"There are no image files below {root} (TIFF, PNG, JPEG or BMP).",
                "Open the folder that holds the plate's images.",
            )
        count = "The image file" if len(names) == 1 else f"None of the {len(names)} image files"
        verb = "does not fit" if len(names) == 1 else "fits"
        if self.pattern.strip():
            return (
                f"{count} below {root} {verb} the pattern {self.pattern!r}; the first is {names[0]}.",
                "Placeholders are {plate}, {well} or {row} and {col}, {field}, {channel}, {z}, {time}; * is any text.",
            )
        return (
            f"{count} below {root} {verb} a known naming; the first is {names[0]}. Looked for: {_EXAMPLES}.",
            "Say how the files are named: --pattern '{plate}_{well}_s{field}_w{channel}.tif'.",
        )
