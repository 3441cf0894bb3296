"""The diameter of a nucleus as a user gives it."""

from __future__ import annotations

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.scene import Scene


def given(scene: Scene, diameter: float | None, unit: str) -> float | None:
    """Return the diameter in px that the user or the scene's hints give, or None.

    Raises
    ------
    SettingError
        If the diameter is given in µm and the plate does not say how large a pixel is.
    """
    if diameter is None:
        hint = scene.hints.get("diameter")
        return float(hint) if isinstance(hint, int | float) and hint > 0 else None
    if unit == "px":
        return diameter
    if not scene.pixel_size:
        raise SettingError(
            f"The diameter is {diameter:g} µm, but {scene.ref.plate} does not say how large a pixel is.",
            "Give the diameter in pixels (unit=px), or the plate's pixel size.",
        )
    return diameter / scene.pixel_size
