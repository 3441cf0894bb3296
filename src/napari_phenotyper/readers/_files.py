"""Plates of image files: a list of places, parsed from file names, becomes wells, fields and channels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from napari_phenotyper.core.channels import guess_roles
from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.core.plate import Plate, Well, sorted_wells
from napari_phenotyper.core.wells import plate_order
from napari_phenotyper.readers._file_field import FileField, Place
from napari_phenotyper.readers._images import header as header_of
from napari_phenotyper.readers._listing import natural
from napari_phenotyper.readers._tiff import Header, Pages

_NAMED = 8
"""How many of a kind a problem names before it only counts."""

_MOST_CHANNELS = 6
"""Pages of unstated meaning, where no file name tells a channel: up to so many are channels, more are planes."""


def plates(root: Path, places: Iterable[Place], title: str, problems: Sequence[str] = ()) -> tuple[Plate, ...]:
    """Return the plates that files add up to, in natural order of their names, which are unique.

    Files belong to one plate if they lie in one folder and their names tell the same plate. Where names collide, the
    folders that differ name the plates.

    Parameters
    ----------
    root
        What was opened.
    places
        Where each file belongs, in the order in which of two for the same place the first counts.
    title
        By what naming they were recognised.
    problems
        What is wrong with the folder as a whole; every plate repeats it.
    """
    root = root.absolute()
    groups: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place in without_row_folders(list(places)):
        groups[place.folder, place.plate or place.folder.rsplit("/", 1)[-1] or root.name or "plate"].append(place)
    names = _unique_names(list(groups))
    found = [_Assembly(root, names[key], group).plate(title, problems) for key, group in groups.items()]
    return tuple(sorted(found, key=lambda plate: natural(plate.name)))


def without_row_folders(places: Sequence[Place]) -> list[Place]:
    """Return places whose folder no longer ends in a folder per row ("P1/B/B03.tif" lies in P1).

    Only where every folder beside it is one too: plates may be called A and B as well.
    """
    rows: dict[str, set[str]] = defaultdict(set)
    for place in places:
        rows[place.folder].add(place.well.rstrip("0123456789"))
    parents: dict[str, bool] = {}
    for folder, found in rows.items():
        parent, _, last = folder.rpartition("/")
        parents[parent] = parents.get(parent, True) and found == {last.upper()}
    above = {folder: folder.rpartition("/")[0] for folder in rows if folder}
    return [
        place._replace(folder=above[place.folder]) if place.folder in above and parents[above[place.folder]] else place
        for place in places
    ]


def _unique_names(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return a unique name for each (folder, name): the name, or where it collides the folders that differ."""
    count = Counter(name for _, name in keys)
    names = {key: key[1] for key in keys if count[key[1]] == 1}
    for name in (name for name, n in count.items() if n > 1):
        same = [key for key in keys if key[1] == name]
        folders = [folder.split("/") if folder else [] for folder, _ in same]
        start = _shared(folders)
        end = min(_shared([f[::-1] for f in folders]), *(len(f) - start for f in folders))
        labels = ["_".join(f[start : len(f) - end]) for f in folders]
        for key, label in zip(same, labels):
            clear = label and (label == name or label not in count)
            wish = label if clear else "_".join(filter(None, (name, label)))
            names[key] = _untaken(wish, names.values())
    return names


def _untaken(wish: str, taken: Collection[str]) -> str:
    """Return a name, numbered if it is taken."""
    return next(n for n in (wish, *(f"{wish}_{i}" for i in range(2, len(taken) + 3))) if n not in taken)


def _shared(folders: Sequence[Sequence[str]]) -> int:
    """Count the leading parts that all paths share."""
    shared = 0
    for parts in zip(*folders):
        if len(set(parts)) > 1:
            break
        shared += 1
    return shared


class _Assembly:
    """Puts the files of one plate together.

    `fields` maps (well, field) to (time, channel, z) to the file's path below the plate's folder.
    """

    def __init__(self, root: Path, name: str, places: Sequence[Place]) -> None:
        self.root = root
        self.name = name
        self.folder = places[0].folder
        self.problems: list[str] = []
        self.fields: dict[tuple[str, str], dict[tuple[str, str, str], str]] = defaultdict(dict)
        self._sort_in(places)
        self._drop_projections()
        keys = [key for files in self.fields.values() for key in files]
        self.times = sorted({time for time, _, _ in keys}, key=natural)
        self.channels = sorted({channel for _, channel, _ in keys}, key=natural)
        self.stacked = {
            channel
            for files in self.fields.values()
            for (_, channel), n in Counter((t, c) for t, c, _ in files).items()
            if n > 1
        }

    def _sort_in(self, places: Sequence[Place]) -> None:
        """Fill `fields`; of two files for one place the first counts."""
        spelling: dict[str, str] = {}
        twice = []
        skip = len(self.folder) + 1 if self.folder else 0
        for place in places:
            channel = spelling.setdefault(place.channel.casefold(), place.channel)
            files = self.fields[place.well, place.field]
            key = (place.time, channel, place.z)
            if key in files:
                twice.append(f"{place.path[skip:]} (as {files[key]})")
            else:
                files[key] = place.path[skip:]
        if twice:
            self.problems.append(f"{_files(len(twice))} left out, whose place another has taken: {_some(twice)}.")

    def _drop_projections(self) -> None:
        """Leave out files without z beside a stack of the same channel: they are its projection."""
        dropped = []
        for files in self.fields.values():
            deep = {(time, channel) for time, channel, z in files if z}
            for key in [k for k in files if not k[2] and k[:2] in deep]:
                dropped.append(files.pop(key))
        if dropped:
            self.problems.append(
                f"{_files(len(dropped))} left out, projections beside the z-stacks they were made of: {_some(dropped)}."
            )

    def plate(self, title: str, problems: Sequence[str]) -> Plate:
        """Return the plate."""
        folder = str(self.root / self.folder)
        names, inside, pages = self._channel_names()
        sources: dict[str, list[FileField]] = defaultdict(list)
        labels: dict[str, list[str]] = defaultdict(list)
        missing: list[str] = []
        for well, field in sorted(self.fields, key=lambda key: (plate_order(key[0]), natural(key[1]))):
            label = f"{well} field {field}" if field else f"{well} field {len(sources[well]) + 1}"
            files, depth, lacks = self._planes(self.fields[well, field])
            missing.extend(f"{label} {lack}" for lack in lacks)
            name, times = f"{self.name} {label}", len(self.times)
            sources[well].append(FileField(folder, name, names, files, times, depth, inside, pages))
            labels[well].append(field)
        if missing:
            self.problems.append(f"Files are missing, and reading them says so: {_some(missing)}.")
        self._tell_uneven(labels)
        wells = [Well(well, tuple(found), tuple(labels[well])) for well, found in sources.items()]
        return Plate(
            name=self.name,
            path=folder,
            wells=sorted_wells(wells),
            channels=guess_roles(names),
            acquisition={"file names": title},
            problems=(*problems, *self.problems),
        )

    def _planes(
        self, files: Mapping[tuple[str, str, str], str]
    ) -> tuple[tuple[tuple[int, int, int, str], ...], int, list[str]]:
        """Return a field's (t, c, z, path), its depth, and what it lacks."""
        levels = sorted({z for _, channel, z in files if channel in self.stacked}, key=natural) or [""]
        # a single plane beside stacks stands at every depth, so that every channel can be projected
        single = {(time, channel): path for (time, channel, _), path in files.items()}
        planes: list[tuple[int, int, int, str]] = []
        lacks = []
        for c, channel in enumerate(self.channels):
            found: list[tuple[int, int, int, str]] = []
            for t, time in enumerate(self.times):
                for z, level in enumerate(levels):
                    stacked = channel in self.stacked
                    path = files.get((time, channel, level)) if stacked else single.get((time, channel))
                    if path is not None:
                        found.append((t, c, z, path))
            planes.extend(found)
            expected = len(self.times) * len(levels)
            if not found:
                lacks.append(f"lacks channel {channel or 'c0'}")
            elif len(found) < expected:
                lacks.append(f"lacks {expected - len(found)} of {expected} planes of channel {channel or 'c0'}")
        return tuple(planes), len(levels), lacks

    def _channel_names(self) -> tuple[tuple[str, ...], bool, Pages]:
        """Return the channels' names, whether they lie inside the files, and what loose pages are.

        One file of the plate is asked.
        """
        named = tuple(channel or "c0" for channel in self.channels)
        first, header = self._sample()
        if header is None:
            return named, False, "z"
        count = header.shape[1]
        if self.channels != [""]:
            if count > 1:
                self.problems.append(
                    f"The file names tell one channel per file, but {first} holds {count}: the first of each is read."
                )
            return named, False, "z"
        pages: Pages = "z"
        if count == 1 and 1 < header.loose <= _MOST_CHANNELS and not self.stacked:
            pages, count = "c", header.loose
            self.problems.append(f"{first} does not say what its {count} pages are: they are taken for channels.")
        if len(header.channels) == count and len({name.casefold() for name in header.channels}) == count:
            return header.channels, count > 1, pages
        return tuple(f"c{i}" for i in range(count)), count > 1, pages

    def _sample(self) -> tuple[str, Header | None]:
        """Return a file of the plate and its header; None if the first three are damaged."""
        paths = sorted(path for files in self.fields.values() for path in files.values())
        for path in paths[:3]:
            try:
                return path, header_of(str(self.root / self.folder / path))
            except PixelError:
                continue
        return paths[0], None

    def _tell_uneven(self, labels: Mapping[str, Sequence[str]]) -> None:
        """Tell which wells have fewer fields than the fullest."""
        most = max(len(names) for names in labels.values())
        fewer = [f"{well} ({len(names)} of {most})" for well, names in labels.items() if len(names) < most]
        if fewer:
            count = f"{len(fewer)} of {len(labels)} wells"
            self.problems.append(f"{count} have fewer fields than the others: {_some(fewer)}.")


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"


def _some(items: Sequence[str]) -> str:
    """Name a few and count the rest."""
    rest = len(items) - _NAMED
    return "; ".join(items[:_NAMED]) + (f"; and {rest} more" if rest > 0 else "")
