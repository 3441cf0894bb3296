"""Numbers as the report writes them."""

from __future__ import annotations

import math

from napari_phenotyper.pages.content import Estimate


def of_100(estimate: Estimate) -> str:
    """Return a share as cells of a hundred, with its interval in brackets where that is known."""
    text = f"about {estimate.value * 100:.0f}"
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        text += f" (between {estimate.low * 100:.0f} and {estimate.high * 100:.0f})"
    return text


def estimate_text(estimate: Estimate) -> str:
    """Return "0.93 (0.88 – 0.96)", without the interval where it is not known."""
    if not math.isfinite(estimate.value):
        return "not known"
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} – {estimate.high:.2f})"


def value_text(value: object, share: bool) -> str:
    """Return a share in percent, another value with four digits; nothing for what is no number."""
    if not isinstance(value, int | float):
        return ""
    return f"{value * 100:.1f} %" if share else f"{value:.4g}"


def rate_text(q: float) -> str:
    """Return a false discovery rate."""
    return f"{q:.3f}" if q >= 0.001 else f"{q:.0e}" if q > 0 else "< 1e-300"


def count(number: int) -> str:
    """Return a whole number with separators."""
    return f"{number:,}"


def plural(number: int, noun: str, ending: str = "s") -> str:
    """Return "1 well", "1,480 wells"."""
    return f"{number:,} {noun}{'' if number == 1 else ending}"
