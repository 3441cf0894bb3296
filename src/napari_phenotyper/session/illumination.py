"""How plates were lit: estimated from some of their fields, used for measuring where that helps or is asked for.

Measuring alone uses it: segmenters flatten the background themselves and judge each nucleus by its own brightness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.illumination import VERSION, Flats, flats_digest
from napari_phenotyper.core.keys import Json, digest
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.evaluation.illumination import Lighting, lighting
from napari_phenotyper.evaluation.light_sights import Sight, sight
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.steps import Away, Steps, carry_out, over_plate
from napari_phenotyper.store.project import ILLUMINATION

AUTO, ON, OFF = "auto", "on", "off"
MODES = (AUTO, ON, OFF)
"""Corrected where it helps; wherever there is an estimate; nowhere."""
SAMPLE = 48
"""Fields of a plate that are looked at."""

Sights = Mapping[str, Sight]
"""Channel, by its own name (roles are given later, and changed), to what a field tells of it."""


@dataclass(frozen=True, eq=False)
class Illumination:
    """How a plate was lit, and what is done about it.

    Attributes
    ----------
    mode
        "auto", "on" or "off".
    channels
        Channel, by its own name, to how it was lit; none are known with "off".
    key
        Of the estimate: the fields that were looked at, and by which version.
    """

    mode: str = OFF
    channels: Mapping[str, Lighting] = field(default_factory=dict)
    key: str = ""

    @property
    def flats(self) -> Flats:
        """The channels that are corrected."""
        if self.mode == OFF:
            return {}
        return {
            name: one.flat
            for name, one in self.channels.items()
            if one.flat is not None and (one.helps or self.mode == ON)
        }


def is_decided(session: Reading, plate: str) -> bool:
    """Tell whether it was decided what is done about a plate's light, and what that needs is at hand."""
    saved = session.setting(ILLUMINATION).get(plate)
    return saved is not None and (not saved["digest"] or bool(illumination_of(session, plate).channels))


def light_of(session: Reading, plate: str) -> str:
    """Return the digest of the light that a plate's pixels are freed of before they are measured; "" for none."""
    return str(session.setting(ILLUMINATION).get(plate, {}).get("digest", ""))


def light_keys(session: Reading, plate: str) -> set[str]:
    """Return the key of the estimate that a plate needs, if it needs one."""
    saved = session.setting(ILLUMINATION).get(plate, {"mode": OFF})
    return {str(saved["key"])} if saved["mode"] != OFF else set()


def illumination_of(session: Reading, plate: str) -> Illumination:
    """Return what was decided about a plate's light; "off" where nothing was."""
    saved = session.setting(ILLUMINATION).get(plate)
    if saved is None or saved["mode"] == OFF:
        return Illumination()
    return Illumination(saved["mode"], _kept(session, saved["key"]) or {}, saved["key"])


def flats_of(session: Reading, plate: str) -> Flats:
    """Return how the channels were lit of which a plate's pixels are to be freed."""
    return illumination_of(session, plate).flats if light_of(session, plate) else {}


def choose_light(
    session: Session, plates: Sequence[Plate], progress: Progress, mode: str | None = None
) -> dict[str, Illumination]:
    """Estimate how plates were lit, and decide what is done about it.

    Parameters
    ----------
    session, plates
        Which.
    progress
        Reports and cancels; then all stays as it was.
    mode
        "auto": channels are corrected where fields that had no part in the estimate bear it out; "on": wherever there
        is an estimate; "off": none. By default what was chosen before, else "auto".

    Returns
    -------
    Plate name to what was decided.

    Raises
    ------
    SettingError
        If there is no such mode.
    ProjectError, Cancelled
    """
    return {plate.name: carry_out(light_steps(session, plate, mode), progress) for plate in plates}


def light_steps(session: Session, plate: Plate, mode: str | None = None) -> Steps[Illumination]:
    """Return the steps that `choose_light` carries out for a plate. Raises SettingError, ProjectError."""
    needs_writing(session)
    mode = mode or session.setting(ILLUMINATION).get(plate.name, {}).get("mode", AUTO)
    if mode not in MODES:
        raise SettingError(f"Illumination cannot be {mode!r}.", f"Choose one of: {', '.join(MODES)}.")
    if mode == OFF:
        return _decide(session, plate, Illumination())
    fields = _sample(plate)
    key = digest(VERSION, [[str(f.ref), f.source.fingerprint(), [c.name for c in f.channels]] for f in fields])
    channels = _kept(session, key)
    if channels is None:
        items = [(one.ref, (one,)) for one in fields]
        outcomes = yield over_plate(session.runner, look_at, items, "Looking at the light of field")
        seen = [(o.item.well, o.result) for o in outcomes if not o.error]
        channels = yield Away(_judge, (seen,), heavy=True)
        report = {"version": VERSION, "channels": {name: one.state() for name, one in channels.items()}}
        session.project.reports.put(ILLUMINATION, key, report)
    return _decide(session, plate, Illumination(mode, channels, key))


def look_at(one: Field, progress: Progress) -> Sights:
    """Return what a field tells of how its channels were lit. Raises PixelError."""
    found = {}
    for i, channel in enumerate(one.channels):
        progress(i / len(one.channels), f"Looking at {one.ref}, {channel.name}")
        found[channel.name] = sight(one.read([i])[0])
    return found


def _judge(seen: Sequence[tuple[str, Sights]], progress: Progress) -> dict[str, Lighting]:
    names = dict.fromkeys(name for _, sights in seen for name in sights)
    found = {}
    for i, name in enumerate(names):
        progress(i / len(names), f"Estimating the light of {name}")
        known = [(well, sights[name]) for well, sights in seen if name in sights]
        found[name] = lighting([one for _, one in known], [well for well, _ in known])
    return found


def _sample(plate: Plate) -> list[Field]:
    """Return fields spread evenly over a plate."""
    fields = list(plate.fields())
    chosen = np.unique(np.linspace(0, len(fields) - 1, min(SAMPLE, len(fields))).round().astype(int))
    return [fields[i] for i in chosen]


def _decide(session: Session, plate: Plate, found: Illumination) -> Illumination:
    """Remember what is done about a plate's light."""
    saved: dict[str, Json] = {"mode": found.mode, "key": found.key, "digest": flats_digest(found.flats)}
    before = session.setting(ILLUMINATION)
    if before.get(plate.name) != saved:
        session.set(ILLUMINATION, {**before, plate.name: saved})
        session.events.cells.emit(plate.name)
    return found


def _kept(session: Reading, key: str) -> dict[str, Lighting] | None:
    """Return an estimate that was made before; None where there is none, or none that can be read."""
    report: dict[str, Any] | None = session.project.reports.get(ILLUMINATION, key)
    try:
        return None if report is None else {k: Lighting.restore(v) for k, v in report["channels"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
