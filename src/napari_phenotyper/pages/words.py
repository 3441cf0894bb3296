"""Results as sentences: what the command line prints and the window says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from napari_phenotyper.core.illumination import flats_digest
from napari_phenotyper.core.parameters import Parameter
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.evaluation.field_quality import counted
from napari_phenotyper.session.illumination import OFF, Illumination, flats_of
from napari_phenotyper.session.reading import Reading


def plate_facts(plate: Plate, flagged: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
    """Return what `info` tells of a plate, as JSON: wells, fields, channels and roles, sizes, problems, doubts."""
    first = next(plate.fields(), None)
    rows, columns = plate.shape
    counts = [len(w.sources) for w in plate.wells]
    facts: dict[str, Any] = {
        "name": plate.name,
        "path": plate.path,
        "wells": [w.name for w in plate.wells],
        "plate_format": {"rows": rows, "columns": columns, "wells": rows * columns},
        "fields": sum(counts),
        "fields_per_well": {"min": min(counts, default=0), "max": max(counts, default=0)},
        "channels": [{"name": c.name, "role": c.role} for c in plate.channels],
        "layout": {"wells": len(plate.layout), "negative": len(plate.layout.wells("negative"))},
        "acquisition": dict(plate.acquisition),
        "problems": list(plate.problems),
        "flagged": dict(flagged or {}),
    }
    if first is not None:
        info = first.info
        facts["field_size"] = dict(zip("tczyx", info.shape, strict=True))
        facts["dtype"] = info.dtype
        facts["pixel_size_um"] = info.pixel_size
        facts["levels"] = len(info.levels)
    return facts


def info_text(facts: Mapping[str, Any]) -> str:
    """Return a plate's facts as text."""
    wells, per_well = facts["wells"], facts["fields_per_well"]
    many = f"{per_well['min']}" if per_well["min"] == per_well["max"] else f"{per_well['min']} to {per_well['max']}"
    lines = [
        f"Plate {facts['name']}  ({facts['path']})",
        f"  {len(wells)} wells of a {facts['plate_format']['wells']}-well plate: {_shortened(wells)}",
        f"  {facts['fields']} fields, {many} per well",
    ]
    if "field_size" in facts:
        size = facts["field_size"]
        pixel = f"{facts['pixel_size_um']:g} µm per pixel" if facts["pixel_size_um"] else "pixel size unknown"
        lines.append(f"  {size['y']} × {size['x']} pixels, {facts['dtype']}, z {size['z']}, t {size['t']}, {pixel}")
    lines += [f"  channel {c['name']}: {c['role'] or 'role unknown'}" for c in facts["channels"]]
    if not any(c["role"] == "DNA" for c in facts["channels"]):
        lines.append("  No DNA channel is known: say which it is with phenotyper channels PLATE --set DNA=NAME.")
    if facts["layout"]["wells"]:
        lines.append(f"  layout of {facts['layout']['wells']} wells, {facts['layout']['negative']} negative controls")
    lines += [f"  problem: {text}" for text in facts["problems"][:20]]
    if len(facts["problems"]) > 20:
        lines.append(f"  … and {len(facts['problems']) - 20} more problems (all with --json)")
    lines += [doubts_text(facts["flagged"])] if facts["flagged"] else []
    return "\n".join(lines)


def _shortened(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} …"


def evaluation_text(report: Mapping[str, Any]) -> str:
    """Return an evaluation as text: scores with intervals, a line per class, advice."""
    folds = len(report["folds"])
    lines = [f"{report['classifier']['id']}: {report['n']} annotated cells, {folds} folds grouped by {report['group']}"]
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"):
        score = report[name]
        title = name.replace("_", " ")
        lines.append(f"  {title:<18} {score['value']:.3f}   (95 % interval {score['low']:.3f} to {score['high']:.3f})")
    lines += _agreement(report)
    width = max((len(c) for c in report["classes"]), default=5)
    lines.append(f"  {'class':<{width}}  cells  precision  recall     F1")
    for name in report["classes"]:
        one = report["per_class"][name]
        lines.append(
            f"  {name:<{width}}  {one['support']:5d}  {_number(one['precision']):>9}  {_number(one['recall']):>6}  "
            f"{_number(one['f1']):>5}"
        )
    lines += [f"  note: {text}" for text in report["warnings"]]
    return "\n".join(lines)


def _agreement(report: Mapping[str, Any]) -> list[str]:
    """Return lines on agreement beyond chance and on calibration; reports of older versions lack them."""
    if "kappa_interval" not in report:
        return []
    low, high = report["kappa_interval"]
    return [
        f"  {'kappa':<18} {report['kappa']:.3f}   (95 % interval {low:.3f} to {high:.3f})",
        f"  {'calibration error':<18} {report['calibration_error']:.3f}   "
        f"(chance alone makes {report['calibration_error_expected']:.3f} of this many cells)",
    ]


def _number(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.3f}"


def extension_text(name: str, title: str, parameters: Sequence[Parameter]) -> str:
    """Return an extension's title and parameters as text."""
    lines = [f"  {name:<18} {title}"]
    for p in parameters:
        kind = "|".join(map(str, p.choices)) if p.choices else p.kind
        unit = f" {p.unit}" if p.unit else ""
        lines.append(f"      {p.name}={p.default}{unit}  ({kind}{' or none' if p.optional else ''})  {p.help}".rstrip())
    return "\n".join(lines)


def light_text(found: Illumination, name: Callable[[str], str] = str) -> list[str]:
    """Return what was decided about a plate's light, a sentence for each channel, which `name` may call otherwise."""
    if found.mode == OFF:
        return ["Pixels are measured as they are: uneven light is left alone."]
    return [
        f"{name(channel)} is {'freed of uneven light' if channel in found.flats else 'left as it is'}: {one.why}."
        for channel, one in found.channels.items()
    ]


def light_short(found: Illumination, name: Callable[[str], str] = str) -> str:
    """Return `light_text` in a line, by how much brightness falls in each channel; "" where nobody looked."""
    told = []
    for channel, one in found.channels.items():
        fall = "too little to tell" if one.flat is None else f"{one.flat.fall:.0%} darker at the darkest place"
        told.append(f"{name(channel)} {'evened out' if channel in found.flats else 'left as it is'} ({fall})")
    return f"{'; '.join(told)}." if told else ""


def lights_text(session: Reading, plates: Sequence[Plate]) -> str:
    """Return which channels of some plates are freed of uneven light; "" for none."""
    freed = {plate.name: flats_of(session, plate.name) for plate in plates}
    return "\n".join(f"  uneven light was taken out of {p}: {', '.join(flats)}" for p, flats in freed.items() if flats)


def light_facts(found: Illumination) -> dict[str, Any]:
    """Return what was decided about a plate's light, as JSON."""
    channels = {
        name: {
            "corrected": name in found.flats,
            "fall": None if one.flat is None else one.flat.fall,
            **{k: v for k, v in one.state().items() if k != "flat"},
        }
        for name, one in found.channels.items()
    }
    return {"mode": found.mode, "key": found.key, "digest": flats_digest(found.flats), "channels": channels}


def failures_text(failed: Mapping[str, str], most: int = 20) -> str:
    """Return what failed, a line each."""
    lines = [f"  failed: {name}: {why}" for name, why in list(failed.items())[:most]]
    if len(failed) > most:
        lines.append(f"  … and {len(failed) - most} more")
    return "\n".join(lines)


def doubts_text(flagged: Mapping[str, Sequence[str]], most: int = 5) -> str:
    """Return which fields are doubtful, and why; "" for none."""
    if not flagged:
        return ""
    named = "; ".join(f"{name} {' and '.join(given)}" for name, given in list(flagged.items())[:most])
    more = f"; … and {len(flagged) - most} more (all with --json)" if len(flagged) > most else ""
    return f"  doubtful fields: {counted(map(tuple, flagged.values()))}: {named}{more}"


def table_view(columns: Sequence[str], rows: Sequence[Mapping[str, object]], most: int = 20) -> str:
    """Return the head of a table as aligned text, columns that are empty throughout left out."""
    head = rows[:most]
    shown = [c for c in columns if any(_cell(row.get(c)) for row in head)]
    texts = [[_cell(row.get(c)) for c in shown] for row in head]
    widths = [max(len(c), *(len(t[i]) for t in texts)) if texts else len(c) for i, c in enumerate(shown)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(shown, widths, strict=True))]
    lines += ["  ".join(t.ljust(w) for t, w in zip(text, widths, strict=True)) for text in texts]
    if len(rows) > most:
        lines.append(f"… {len(rows) - most} more rows (all with --out FILE or --json)")
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
