"""A small SIMULATED plate: 24 wells, two channels, five phenotypes, and the truth about every nucleus.

    python sample_data/simulated_plate.py OUT [--seed 0]

No cell in it ever lived. It is for trying the software, for tours and for tests, where the phenotype of every nucleus
must be known and nothing may be downloaded. Cells are drawn one by one: DNA as chromatin texture within a nuclear
outline (interphase, polylobed), as chromosome rods (prometaphase, metaphase) or as condensed balls (apoptosis);
tubulin as filaments that grow from the centrosome, as a rounded mitotic cell or as a spindle. Then come blur, uneven
light, photon noise and read noise, as a camera adds them.

It stays one file, though a long one: it is run as a script, loaded by path and copied alone, with no package around it.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

VERSION = 1
"""Raise it when the pictures change: plates of another version are made anew."""

PLATE = "SIMULATED"
CHANNELS = ("DNA", "tubulin")
PHENOTYPES = ("Interphase", "Prometaphase", "Metaphase", "Polylobed", "Apoptosis")
ROWS, COLUMNS, FIELDS = "BCDE", range(2, 8), 2
SIZE = 512
PIXEL_SIZE = 0.65
MARKER = "simulated.json"

Image = NDArray[np.float64]
Rng = np.random.Generator
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Treatment:
    """What is done to four wells: name, role, dose in µM, share of each phenotype, and cells relative to control."""

    name: str
    role: str
    dose: float | None
    shares: tuple[float, float, float, float, float]
    growth: float = 1.0


TREATMENTS = (
    Treatment("DMSO", "negative", None, (0.855, 0.030, 0.045, 0.035, 0.035)),
    Treatment("nocodazole", "positive", 0.1, (0.42, 0.41, 0.03, 0.07, 0.07), 0.85),
    Treatment("barasertib", "sample", 0.5, (0.48, 0.03, 0.03, 0.39, 0.07), 0.75),
    Treatment("MG-132", "sample", 1.0, (0.56, 0.09, 0.22, 0.04, 0.09), 0.85),
    Treatment("staurosporine", "sample", 1.0, (0.55, 0.02, 0.02, 0.04, 0.37), 0.7),
    Treatment("ibuprofen", "sample", 10.0, (0.85, 0.03, 0.045, 0.035, 0.04)),
)
"""The effects are those that the real compounds are known for; ibuprofen stands for the many that do nothing."""


class Nucleus(NamedTuple):
    """A line of truth.csv: pixel coordinates of a point on the DNA."""

    well: str
    field: int
    y: float
    x: float
    phenotype: str


def make(out: Path, seed: int = 0, progress: Progress | None = None) -> Path:
    """Make the plate in a folder and return that folder; a plate that is already there is used again.

    Parameters
    ----------
    out
        Folder, made if it does not exist.
    seed
        The same seed gives the same pixels.
    progress
        Called as `progress(fraction, message)` after every field; what it raises stops the work.

    Notes
    -----
    Files are written beside their place and renamed into it, the marker last: a run that was stopped is redone.
    """
    out = Path(out)
    marker = out / MARKER
    stamp = {"simulated": True, "version": VERSION, "seed": seed}
    if marker.is_file() and _read_marker(marker) == stamp:
        return out
    out.mkdir(parents=True, exist_ok=True)
    marker.unlink(missing_ok=True)
    layout = assign(seed)
    truth: list[Nucleus] = []
    for i, (well, treatment) in enumerate(layout.items()):
        rng = np.random.default_rng([seed, i])
        look = _WellLook.draw(treatment, rng)
        for field in range(1, FIELDS + 1):
            images, nuclei = draw_field(look, rng)
            for channel, image in zip(CHANNELS, images, strict=True):
                _write_image(out / f"{PLATE}_{well}_s{field}_{channel}.tif", image)
            truth += [Nucleus(well, field, y, x, phenotype) for y, x, phenotype in nuclei]
            if progress is not None:
                done = (i * FIELDS + field) / (len(layout) * FIELDS)
                progress(done, f"Simulating {well} field {field}")
    _write_tables(out, layout, truth, seed)
    _replace(marker, (json.dumps(stamp) + "\n").encode())
    return out


def assign(seed: int) -> dict[str, Treatment]:
    """Return the treatment of each well: every treatment once per row, so that none has only edge wells."""
    rng = np.random.default_rng([seed, 1000])
    return {
        f"{row}{column:02d}": TREATMENTS[k]
        for row in ROWS
        for column, k in zip(COLUMNS, rng.permutation(len(TREATMENTS)), strict=True)
    }


def _read_marker(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # half a marker is no marker
        return None


# --- wells and fields ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _WellLook:
    """What the cells of one well share: shares of phenotypes, number of cells, strength of the stains."""

    shares: NDArray[np.float64]
    cells: float
    dna: float
    tubulin: float

    @staticmethod
    def draw(treatment: Treatment, rng: Rng) -> _WellLook:
        """Wells of one treatment differ more than by counting cells alone: a Dirichlet of 150 around the shares."""
        return _WellLook(
            rng.dirichlet(150 * np.asarray(treatment.shares)),
            66 * treatment.growth * rng.normal(1, 0.08),
            rng.normal(1, 0.06),
            rng.normal(1, 0.08),
        )


@dataclass(frozen=True, eq=False)
class _Cell:
    """One cell to be drawn: where, what, its DNA content (2 to 4 C) and its own brightness."""

    y: float
    x: float
    phenotype: str
    content: float
    gain: float


def draw_field(look: _WellLook, rng: Rng) -> tuple[tuple[NDArray[np.uint16], ...], list[tuple[float, float, str]]]:
    """Return the (y, x) uint16 images, one per channel, and y, x, phenotype of every nucleus in the field."""
    cells = _populate(look, rng)
    owner = _territories(cells, rng)
    dna, tubulin = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    nuclei = []
    for number, cell in enumerate(cells, 1):
        patch = _PAINT_DNA[cell.phenotype](cell, rng)
        _add(dna, patch, cell)
        point = _point_on(patch, cell)
        if 1 <= point[0] < SIZE - 1 and 1 <= point[1] < SIZE - 1:
            nuclei.append((*point, cell.phenotype))
        _PAINT_TUBULIN.get(cell.phenotype, _filaments)(tubulin, owner == number, cell, rng)
    _debris(dna, tubulin, rng)
    # 0.9 and 1.1 px: the diffraction limit of a 20x 0.75 objective together with some defocus
    dna = gaussian_filter(dna, 0.9) + 0.05 * gaussian_filter(dna, 14)
    tubulin = gaussian_filter(tubulin, 1.1) + 0.08 * gaussian_filter(tubulin, 14)
    shade = _shade(rng)
    images = (_camera(dna * look.dna * 1500, shade, rng), _camera(tubulin * look.tubulin * 1100, shade, rng))
    return images, nuclei


def _populate(look: _WellLook, rng: Rng) -> list[_Cell]:
    """Place cells with a least distance that lets some nuclei touch; a field beyond the border hides half cells."""
    margin, count = 20, rng.poisson(look.cells * ((SIZE + 40) / SIZE) ** 2)
    density = gaussian_filter(rng.normal(size=(16, 16)), 2, mode="wrap")
    density = (density - density.min()) / np.ptp(density)
    placed: list[_Cell] = []
    for _ in range(count * 12):
        if len(placed) == count:
            break
        y, x = rng.uniform(-margin, SIZE + margin, 2)
        here = density[min(max(int(y), 0), SIZE - 1) * 16 // SIZE, min(max(int(x), 0), SIZE - 1) * 16 // SIZE]
        if rng.random() > 0.35 + 0.65 * here:
            continue
        least = 22.0 if rng.random() < 0.15 else 34.0
        if any((c.y - y) ** 2 + (c.x - x) ** 2 < least**2 for c in placed):
            continue
        phenotype = PHENOTYPES[int(rng.choice(len(PHENOTYPES), p=look.shares))]
        placed.append(_Cell(y, x, phenotype, _dna_content(phenotype, rng), rng.lognormal(0, 0.13)))
    return placed


def _dna_content(phenotype: str, rng: Rng) -> float:
    """G1, S and G2 in interphase; 4 C in mitosis; 4 to 8 C after failed divisions; some is lost in apoptosis."""
    if phenotype == "Interphase":
        phase = rng.random()
        return 2.0 if phase < 0.6 else 4.0 if phase > 0.82 else rng.uniform(2, 4)
    if phenotype == "Polylobed":
        return rng.uniform(3.5, 7)
    return rng.uniform(1.5, 3.5) if phenotype == "Apoptosis" else 4.0


def _territories(cells: Sequence[_Cell], rng: Rng) -> NDArray[np.int32]:
    """Return which cell (from 1) owns each pixel; 0 is bare glass. Neighbours meet where both are as far away."""
    best = np.full((SIZE, SIZE), 1.0)
    owner = np.zeros((SIZE, SIZE), np.int32)
    for number, cell in enumerate(cells, 1):
        reach = {"Interphase": 31.0, "Polylobed": 40.0, "Apoptosis": 15.0}.get(cell.phenotype, 19.0)
        lumps = 0.06 if cell.phenotype in ("Prometaphase", "Metaphase") else 0.22
        top, left, rows, columns = _window(cell, 70)
        if not rows.size or not columns.size:
            continue
        dy, dx = rows[:, None] - cell.y, columns[None, :] - cell.x
        distance = np.hypot(dy, dx) / (reach * _outline(np.arctan2(dy, dx), lumps, rng))
        view = slice(top, top + len(rows)), slice(left, left + len(columns))
        closer = distance < best[view]
        best[view][closer] = distance[closer]
        owner[view][closer] = number
    return owner


def _window(cell: _Cell, half: int) -> tuple[int, int, NDArray[np.float64], NDArray[np.float64]]:
    """Return top, left, and the pixel rows and columns of the field within `half` px of a cell."""
    top, left = max(int(cell.y) - half, 0), max(int(cell.x) - half, 0)
    rows = np.arange(top, max(min(int(cell.y) + half + 1, SIZE), top), dtype=np.float64)
    columns = np.arange(left, max(min(int(cell.x) + half + 1, SIZE), left), dtype=np.float64)
    return top, left, rows, columns


def _outline(angle: Image, lumps: float, rng: Rng, orders: Sequence[int] = (2, 3, 4)) -> Image:
    """Return a closed outline's radius (about 1) at each angle: a few Fourier terms of falling size."""
    radius = np.ones_like(angle)
    for k in orders:
        radius += rng.normal(0, lumps / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    return np.maximum(radius, 0.4)


# --- DNA -------------------------------------------------------------------------------------------------------------

HALF = 28
_SIDE = 2 * HALF + 1
_Y, _X = (c.astype(np.float64) for c in np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1])


def _soft(distance: Image, width: float = 0.6) -> Image:
    """Return 1 inside and 0 outside of a signed distance in px (negative inside), soft over `width`."""
    return np.asarray(1 / (1 + np.exp(np.clip(distance / width, -30, 30))))


def _chromatin(rng: Rng, contrast: float) -> Image:
    """Return a texture around 1: fine heterochromatin on coarse variation."""
    fine = gaussian_filter(rng.normal(size=(_SIDE, _SIDE)), 1.4)
    coarse = gaussian_filter(rng.normal(size=(_SIDE, _SIDE)), 4.0)
    return np.asarray(np.maximum(1 + contrast * (fine / fine.std() + 0.6 * coarse / coarse.std()), 0.15))


def _nucleoli(rng: Rng, reach: float) -> Image:
    """Return a factor that darkens one to four spots within `reach` px."""
    factor = np.ones((_SIDE, _SIDE))
    for _ in range(rng.integers(1, 5)):
        y, x = rng.normal(0, reach / 2.2, 2)
        factor *= 1 - rng.uniform(0.25, 0.55) * _soft(np.hypot(_Y - y, _X - x) - rng.uniform(1.3, 2.8))
    return factor


def _interphase(cell: _Cell, rng: Rng) -> Image:
    area = 1.0 + 0.28 * (cell.content - 2)
    radius = 11.2 * np.sqrt(area) * rng.normal(1, 0.07)
    squeeze, turn = rng.uniform(1.0, 1.5) ** 0.5, rng.uniform(0, np.pi)
    u = (_Y * np.sin(turn) + _X * np.cos(turn)) / squeeze
    v = (_Y * np.cos(turn) - _X * np.sin(turn)) * squeeze
    # a few nuclei are lobed or dented without being polylobed
    lumps = 0.28 if rng.random() < 0.09 else 0.09
    shape = _soft(np.hypot(u, v) - radius * _outline(np.arctan2(v, u), lumps, rng))
    texture = _chromatin(rng, rng.uniform(0.06, 0.17)) * _nucleoli(rng, radius)
    return np.asarray(cell.gain * 0.5 * cell.content / area**0.9 * shape * texture)


def _polylobed(cell: _Cell, rng: Rng) -> Image:
    """Three to six lobes around a centre, of unequal size, joined; sometimes hardly lobed at all."""
    count = int(rng.integers(3, 7))
    spread = rng.uniform(5.5, 12.0)
    angles = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(count) / count + rng.normal(0, 0.35, count)
    gap = np.hypot(_Y, _X) - 5.0
    for angle in angles:
        y, x = spread * rng.uniform(0.7, 1.2) * np.array([np.sin(angle), np.cos(angle)])
        gap = np.minimum(gap, np.hypot(_Y - y, _X - x) - rng.uniform(5.5, 9.0))
    texture = _chromatin(rng, rng.uniform(0.07, 0.18)) * _nucleoli(rng, spread)
    return np.asarray(cell.gain * rng.uniform(0.8, 1.25) * _soft(gap) * texture)


def _rods(centres: Image, angles: Image, length: float, rng: Rng) -> Image:
    """Return chromosomes drawn as short rods of `length` px at (n, 2) centres."""
    steps = np.linspace(-0.5, 0.5, 9)
    lengths = length * rng.uniform(0.5, 1.4, len(angles))[:, None]
    y = centres[:, :1] + steps * lengths * np.sin(angles)[:, None]
    x = centres[:, 1:] + steps * lengths * np.cos(angles)[:, None]
    grid, _, _ = np.histogram2d(y.ravel(), x.ravel(), bins=_SIDE, range=[[-HALF - 0.5, HALF + 0.5]] * 2)
    return np.asarray(gaussian_filter(grid, 1.0))


def _prometaphase(cell: _Cell, rng: Rng) -> Image:
    """Chromosomes in a disc or, seen along the axis, a ring around the spindle."""
    count = 46
    angle = rng.uniform(0, 2 * np.pi, count)
    hollow = rng.uniform(0.0, 0.75)
    radius = rng.uniform(7.0, 10.5) * np.sqrt(rng.uniform(hollow**2, 1, count))
    squeeze = rng.uniform(0.62, 1.0)
    turn = rng.uniform(0, np.pi)
    y, x = radius * np.sin(angle), squeeze * radius * np.cos(angle)
    centres = np.stack([y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)], axis=1)
    clump = _rods(centres, rng.uniform(0, np.pi, count), 4.5, rng)
    return np.asarray(cell.gain * 1.15 * clump)


def _metaphase(cell: _Cell, rng: Rng) -> Image:
    """Chromosomes in a plate that is seen from the side, or tilted; a few have not congressed yet."""
    count, turn = 46, _spindle_angle(cell)
    tilt = rng.uniform(0.0, 0.30) if rng.random() < 0.8 else rng.uniform(0.3, 0.7)
    along = rng.uniform(-1, 1, count) * rng.uniform(9.0, 12.0)
    across = rng.normal(0, 1.1 + 7.0 * tilt, count)
    stray = rng.random(count) < rng.choice([0.0, 0.0, 0.08])
    across[stray] += rng.choice([-1, 1], stray.sum()) * rng.uniform(5, 9, stray.sum())
    centres = np.stack([along * np.sin(turn) + across * np.cos(turn), along * np.cos(turn) - across * np.sin(turn)], 1)
    return np.asarray(cell.gain * 1.05 * _rods(centres, rng.normal(turn + np.pi / 2, 0.5, count), 3.5, rng))


def _spindle_angle(cell: _Cell) -> float:
    """The metaphase plate's direction: both channels must agree on it, so it comes from the cell's own numbers."""
    return float(cell.gain * 1000 % np.pi)


def _apoptosis(cell: _Cell, rng: Rng) -> Image:
    """Early: one shrunken, smooth, bright nucleus. Late: balls of condensed chromatin close together."""
    if rng.random() < 0.3:
        radius = rng.uniform(5.5, 8.5)
        gap = np.hypot(_Y, _X) - radius * _outline(np.arctan2(_Y, _X), 0.14, rng)
        return np.asarray(cell.gain * rng.uniform(1.5, 2.6) * _soft(gap) * _chromatin(rng, 0.08))
    picture = np.zeros((_SIDE, _SIDE))
    for _ in range(rng.integers(3, 9)):
        y, x = rng.normal(0, rng.uniform(3.0, 5.5), 2)
        ball = _soft(np.hypot(_Y - y, _X - x) - rng.uniform(1.6, 4.2))
        picture = np.maximum(picture, rng.uniform(1.4, 3.6) * ball)
    return np.asarray(cell.gain * picture)


_PAINT_DNA: dict[str, Callable[[_Cell, Rng], Image]] = {
    "Interphase": _interphase,
    "Prometaphase": _prometaphase,
    "Metaphase": _metaphase,
    "Polylobed": _polylobed,
    "Apoptosis": _apoptosis,
}


def _add(image: Image, patch: Image, cell: _Cell) -> None:
    """Add a patch centred on a cell to the field, cut at the border."""
    top, left = round(cell.y) - HALF, round(cell.x) - HALF
    y0, x0, y1, x1 = max(top, 0), max(left, 0), min(top + _SIDE, SIZE), min(left + _SIDE, SIZE)
    if y0 < y1 and x0 < x1:
        image[y0:y1, x0:x1] += patch[y0 - top : y1 - top, x0 - left : x1 - left]


def _point_on(patch: Image, cell: _Cell) -> tuple[float, float]:
    """Return the bright pixel nearest to the DNA's centroid: it lies on the nucleus even if that is in pieces."""
    smooth = gaussian_filter(patch, 1.0)
    rows, columns = np.nonzero(smooth > 0.4 * smooth.max())
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return float(round(cell.y) - HALF + rows[nearest]), float(round(cell.x) - HALF + columns[nearest])


# --- tubulin ---------------------------------------------------------------------------------------------------------


def _filaments(tubulin: Image, own: NDArray[np.bool_], cell: _Cell, rng: Rng) -> None:
    """Microtubules that wander out from the centrosome beside the nucleus, over a faint cytoplasm."""
    count, steps = int(rng.integers(70, 120)), 60
    start = rng.uniform(0, 2 * np.pi)
    heading = rng.uniform(0, 2 * np.pi, (count, 1)) + np.cumsum(rng.normal(0, 0.11, (count, steps)), axis=1)
    y = cell.y + 9 * np.sin(start) + np.cumsum(np.sin(heading), axis=1)
    x = cell.x + 9 * np.cos(start) + np.cumsum(np.cos(heading), axis=1)
    inside = (y > 0) & (x > 0) & (y < SIZE - 1) & (x < SIZE - 1)
    rows, columns = y[inside].astype(int), x[inside].astype(int)
    kept = own[rows, columns]
    np.add.at(tubulin, (rows[kept], columns[kept]), 0.30 * cell.gain)
    tubulin[own] += 0.22 * cell.gain
    top, left, rows_, columns_ = _window(cell, 30)
    nucleus = _soft(np.hypot(rows_[:, None] - cell.y, columns_[None, :] - cell.x) - 11, 2.0)
    view = slice(top, top + len(rows_)), slice(left, left + len(columns_))
    tubulin[view] *= 1 - 0.45 * nucleus * own[view]


def _rounded(tubulin: Image, own: NDArray[np.bool_], cell: _Cell, rng: Rng) -> None:
    """A prometaphase cell: round and bright, with a small aster or none, as after depolymerisation."""
    top, left, rows, columns = _window(cell, 30)
    dy, dx = rows[:, None] - cell.y, columns[None, :] - cell.x
    body = 0.75 * own[top : top + len(rows), left : left + len(columns)]
    y, x = rng.normal(0, 3.0, 2)
    aster = rng.uniform(0.0, 2.2) * np.exp(-((dy - y) ** 2 + (dx - x) ** 2) / (2 * 3.5**2))
    _light(tubulin, top, left, cell.gain * (body + aster))


def _spindle(tubulin: Image, own: NDArray[np.bool_], cell: _Cell, rng: Rng) -> None:
    """Two poles beside the metaphase plate and fibres between them: brightest near the poles."""
    top, left, rows, columns = _window(cell, 30)
    dy, dx = rows[:, None] - cell.y, columns[None, :] - cell.x
    turn = _spindle_angle(cell)
    axis, plate = dy * np.cos(turn) - dx * np.sin(turn), dy * np.sin(turn) + dx * np.cos(turn)
    pole = rng.uniform(8.5, 10.5)
    width = np.maximum(7.5 * (1 - np.abs(axis) / (pole + 2)), 0.8)
    fibres = np.exp(-0.5 * (plate / width) ** 2) * _soft(np.abs(axis) - pole) * (0.5 + np.abs(axis) / pole)
    body = 0.45 * own[top : top + len(rows), left : left + len(columns)]
    _light(tubulin, top, left, cell.gain * (body + rng.uniform(1.2, 1.9) * fibres))


def _blebs(tubulin: Image, own: NDArray[np.bool_], cell: _Cell, rng: Rng) -> None:
    """A dying cell: shrunken, unevenly bright, with blebs."""
    top, left, rows, columns = _window(cell, 30)
    dy, dx = rows[:, None] - cell.y, columns[None, :] - cell.x
    body = 0.6 * own[top : top + len(rows), left : left + len(columns)].astype(np.float64)
    for angle in rng.uniform(0, 2 * np.pi, rng.integers(3, 8)):
        r = rng.uniform(7, 15)
        ball = _soft(np.hypot(dy - r * np.sin(angle), dx - r * np.cos(angle)) - rng.uniform(1.8, 4.2))
        body += rng.uniform(0.3, 0.9) * ball
    _light(tubulin, top, left, cell.gain * rng.uniform(0.6, 1.3) * body)


def _light(image: Image, top: int, left: int, patch: Image) -> None:
    image[top : top + patch.shape[0], left : left + patch.shape[1]] += patch


_PAINT_TUBULIN: dict[str, Callable[[Image, NDArray[np.bool_], _Cell, Rng], None]] = {
    "Prometaphase": _rounded,
    "Metaphase": _spindle,
    "Apoptosis": _blebs,
}


# --- camera ----------------------------------------------------------------------------------------------------------


def _debris(dna: Image, tubulin: Image, rng: Rng) -> None:
    """Specks, and now and then an out-of-focus lump, in either channel."""
    rows, columns = np.ogrid[:SIZE, :SIZE]
    for _ in range(rng.poisson(4)):
        y, x = rng.uniform(0, SIZE, 2)
        size = rng.choice([1.0, 1.6, 6.0], p=[0.6, 0.32, 0.08])
        image = dna if rng.random() < 0.7 else tubulin
        image += rng.uniform(0.4, 1.6) * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * size**2))


def _shade(rng: Rng) -> Image:
    """Uneven light: a broad dome whose top lies off the centre, about a third darker in the far corner."""
    rows, columns = np.ogrid[:SIZE, :SIZE]
    y, x = SIZE * (0.45 + rng.normal(0, 0.02, 2))
    return np.asarray(1.05 - 0.55 * ((rows - y) ** 2 + (columns - x) ** 2) / SIZE**2)


def _camera(signal: Image, shade: Image, rng: Rng) -> NDArray[np.uint16]:
    """Return counts of a 16 bit camera: photon noise at 2 counts per electron, read noise and offset."""
    electrons = rng.poisson(np.maximum((signal + 90) * shade, 0) / 2)
    return np.clip(np.rint(100 + 2 * electrons + rng.normal(0, 6, signal.shape)), 0, 65535).astype(np.uint16)


# --- files -----------------------------------------------------------------------------------------------------------


def _write_image(path: Path, image: NDArray[np.uint16]) -> None:
    part = path.with_name(path.name + ".part")
    note = "SIMULATED data: no cell in this picture ever lived"
    resolution = (1 / PIXEL_SIZE, 1 / PIXEL_SIZE)
    tifffile.imwrite(part, image, imagej=True, resolution=resolution, metadata={"unit": "um", "note": note})
    part.replace(path)


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    part.replace(path)


def _write_tables(out: Path, layout: dict[str, Treatment], truth: Sequence[Nucleus], seed: int) -> None:
    seen: dict[str, int] = {}
    conditions = []
    for well, treatment in layout.items():
        seen[treatment.name] = seen.get(treatment.name, 0) + 1
        dose = "" if treatment.dose is None else treatment.dose
        conditions.append((well, treatment.name, treatment.role, dose, seen[treatment.name]))
    _write_csv(out / "layout.csv", ("well", "treatment", "role", "dose", "replicate"), conditions)
    _write_csv(out / "truth.csv", Nucleus._fields, truth)
    chosen = [(*nucleus, "simulated") for nucleus in annotate(truth, seed)]
    _write_csv(out / "annotations.csv", (*Nucleus._fields, "annotator"), chosen)


def annotate(truth: Sequence[Nucleus], seed: int = 0) -> list[Nucleus]:
    """Return the nuclei that a biologist would have clicked on: some of each kind in every well, rare ones too.

    Two that the field's border cuts are among them: a classifier that never saw such takes them for dying cells.
    """
    rng = np.random.default_rng([seed, 2000])
    inner = [n for n in truth if 25 <= n.y < SIZE - 25 and 25 <= n.x < SIZE - 25]
    chosen: list[Nucleus] = []
    for well in dict.fromkeys(n.well for n in inner):
        for phenotype in PHENOTYPES:
            found = [n for n in inner if n.well == well and n.phenotype == phenotype]
            wanted = min(len(found), 2 if phenotype == "Interphase" else int(rng.integers(1, 3)))
            chosen += [found[i] for i in sorted(rng.choice(len(found), wanted, replace=False))]
        cut = [n for n in truth if n.well == well and not (14 <= n.y < SIZE - 14 and 14 <= n.x < SIZE - 14)]
        chosen += [cut[i] for i in sorted(rng.choice(len(cut), min(len(cut), 2), replace=False))]
    return chosen


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the plate from the command line."""
    parser = argparse.ArgumentParser(description="Make a small SIMULATED plate with known phenotypes.")
    parser.add_argument("out", type=Path, help="folder that receives the plate")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same pixels")
    options = parser.parse_args(arguments)
    print(make(options.out, options.seed))


if __name__ == "__main__":
    main()
