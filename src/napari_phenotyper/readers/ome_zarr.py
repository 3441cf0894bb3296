"""OME-Zarr plates, NGFF 0.1 to 0.5, on zarr 2 and 3."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from napari_phenotyper.core.channels import guess_roles
from napari_phenotyper.core.errors import PixelError, PlateError
from napari_phenotyper.core.plate import Plate, Well, sorted_wells
from napari_phenotyper.readers._listing import natural
from napari_phenotyper.readers._ngff import attributes
from napari_phenotyper.readers._ngff_plate import plate_images
from napari_phenotyper.readers._zarr_field import ZarrField

_TRIES = 20
"""Fields that are asked for the channels' names before the plate is called unreadable."""


@dataclass(frozen=True)
class OmeZarr:
    """OME-Zarr plates.

    NGFF 0.1 to 0.5, on zarr 2 and 3; a single image opens as a plate with the one well A01, and a folder of plates
    (``*.zarr``) as all of them. A plate that was imaged in several acquisitions opens as one plate for each. Opening
    reads small JSON files only.
    """

    version: ClassVar[int] = 1

    def recognises(self, path: Path) -> bool:
        """Tell whether a folder is an OME-Zarr plate or image, or holds plates."""
        try:
            return next(_groups(Path(path)), None) is not None
        except (OSError, ValueError, TypeError):
            return False

    def read(self, path: Path) -> tuple[Plate, ...]:
        """Return the plates at a path.

        Raises
        ------
        PlateError
            If there are none, or none of a plate's fields can be read.
        """
        root = Path(path).absolute()
        found: list[Plate] = []
        for group, said in _groups(root):
            found.extend(_read_plate(group, said) if "plate" in said else [_read_image(group)])
        if not found:
            what = "holds no OME-Zarr plate or image" if root.exists() else "does not exist"
            raise PlateError(
                f"{root} {what}: looked for .zattrs or zarr.json that speak of a plate or of multiscales.",
                "Open the folder that ends in .zarr.",
            )
        return tuple(_with_unique_names(found))


def _groups(root: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the plate or image at a path with its attributes, else the plates that lie in it. Raises PlateError."""
    said = _attributes(root)
    if "plate" in said or "multiscales" in said:
        yield root, said
        return
    if not root.is_dir():
        return
    for folder in sorted(root.glob("*.zarr"), key=lambda p: natural(p.name)):
        said = _attributes(folder)
        if "plate" in said:
            yield folder, said


def _attributes(group: Path) -> Mapping[str, Any]:
    """Return a group's attributes. Raises PlateError if they are damaged."""
    try:
        return attributes(group)
    except PixelError as error:
        raise PlateError(error.what, "Copy the plate again.") from error


def _read_image(group: Path) -> Plate:
    """Return a single image as a plate."""
    name = _name_of(group)
    field = ZarrField(str(group), "", f"{name} A01 field 1")
    return Plate(name, str(group), (Well("A01", (field,)),), guess_roles(_channels([field])))


def _read_plate(group: Path, said: Mapping[str, Any]) -> Iterator[Plate]:
    """Yield a plate for each acquisition, or one if they are not told apart. Raises PlateError."""
    about = said["plate"] if isinstance(said["plate"], dict) else {}
    name = str(about.get("name") or "").strip() or _name_of(group)
    problems: list[str] = []
    by_acquisition: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for well, path, acquisition in plate_images(group, about, problems):
        by_acquisition[acquisition].setdefault(well, []).append(path)
    if not by_acquisition:
        raise PlateError(
            f"{group} has no field in any well.", "Copy the plate again: its metadata may name wells only."
        )
    listed = (a for a in about.get("acquisitions") or () if isinstance(a, dict))
    titles = {str(a.get("id")): str(a.get("name") or "") for a in listed}
    for acquisition, wells in sorted(by_acquisition.items(), key=lambda item: natural(item[0])):
        title = titles.get(acquisition) or acquisition
        own_name = name if len(by_acquisition) == 1 else f"{name} {title or 'acquisition'}"
        yield _assemble(own_name, group, wells, {"acquisition": title} if title else {}, problems)


def _assemble(
    name: str,
    group: Path,
    wells: Mapping[str, Sequence[str]],
    acquisition: Mapping[str, str],
    problems: Sequence[str],
) -> Plate:
    """Return a plate of the images (paths below the group) of each well."""
    made = []
    for well, images in wells.items():
        fields = (ZarrField(str(group), p, f"{name} {well} field {i}") for i, p in enumerate(images, 1))
        made.append(Well(well, tuple(fields), tuple(image.rsplit("/", 1)[-1] for image in images)))
    ordered = sorted_wells(made)
    channels = guess_roles(_channels([s for well in ordered for s in well.sources if isinstance(s, ZarrField)]))
    return Plate(name, str(group), ordered, channels, acquisition=acquisition, problems=tuple(problems))


def _channels(fields: Sequence[ZarrField]) -> tuple[str, ...]:
    """Return the channel names of the first field that can be read. Raises PlateError."""
    first: PixelError | None = None
    for field in fields[:_TRIES]:
        try:
            return field.channel_names
        except PixelError as error:
            first = first or error
    raise PlateError(
        f"None of the first fields can be read: {first.what if first else 'there are none'}", "Copy the plate again."
    ) from first


def _name_of(group: Path) -> str:
    """Return a plate's name from its folder: "P1.ome.zarr" is P1."""
    name = group.name
    for suffix in (".zarr", ".ome"):
        name = name[: -len(suffix)] if name.lower().endswith(suffix) and len(name) > len(suffix) else name
    return name


def _with_unique_names(plates: Iterable[Plate]) -> Iterator[Plate]:
    """Yield plates; one whose name an earlier one has is given a number as well."""
    taken: set[str] = set()
    for plate in plates:
        names = (plate.name, *(f"{plate.name} {i}" for i in range(2, len(taken) + 3)))
        name = next(n for n in names if n not in taken)
        taken.add(name)
        yield plate if name == plate.name else plate.named(name)
