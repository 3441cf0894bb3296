"""Lengths in micrometres, from the units that microscopes and image formats write."""

from __future__ import annotations

import math

_MICROMETRES = {
    "pm": 1e-6, "picometer": 1e-6, "å": 1e-4, "angstrom": 1e-4,
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "um": 1.0, "µm": 1.0, "μm": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0,
    "micrometer": 1.0, "micrometers": 1.0, "micrometre": 1.0, "micrometres": 1.0,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3, "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4,
    "m": 1e6, "meter": 1e6, "metre": 1e6,
}  # fmt: skip


def micrometres(length: float, unit: str) -> float | None:
    """Return a length in µm.

    Parameters
    ----------
    length
        In `unit`.
    unit
        As written: "µm", "micrometer", "nm" …; upper and lower case are the same.

    Returns
    -------
    float or None
        None where the unit is no length (pixels) or the length no positive number.
    """
    factor = _MICROMETRES.get(unit.strip().casefold())
    if factor is None or not math.isfinite(length) or length <= 0:
        return None
    return length * factor
