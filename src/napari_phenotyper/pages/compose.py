"""Gather what a project knows into a report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from napari_phenotyper.core.errors import PhenotyperError, PixelError
from napari_phenotyper.core.plate import NEGATIVE, POSITIVE, SAMPLE, Plate
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation.field_quality import counted
from napari_phenotyper.pages.content import (
    AnnotationPart,
    ClassScore,
    Estimate,
    EvaluationPart,
    FieldExample,
    PlateSummary,
    Reliability,
    ReportContent,
    Score,
    SegmentationPart,
    Step,
)
from napari_phenotyper.pages.gallery import class_examples
from napari_phenotyper.pages.light import light_methods, light_part, light_step
from napari_phenotyper.pages.mosaic import report_mosaics
from napari_phenotyper.pages.report import render
from napari_phenotyper.session import judging, labelling, learning, measuring, profiling, segmenting
from napari_phenotyper.session.failures import failures_of
from napari_phenotyper.session.quality import flags_of
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session
from napari_phenotyper.store.files import replacing

WINDOW = {
    "opened": "A plate is open: its map, the first field, what each channel shows.",
    "segmenting": "The plate is segmented and measured in the background; the map fills as it goes.",
    "labelled": "Cells are clicked; those annotated have a white rim, the others wear their prediction.",
    "doubtful": "Cells out of all wells, those first that the classifier doubts: the ones whose class helps most.",
    "gallery": "A class's cells out of all wells, the surest first; those selected get another class by one key.",
    "plate": "Every cell of the plate is predicted: the map shows a class's share in each well.",
    "confidence": "The same field by confidence: the doubtful cells are the bright ones.",
    "scores": "How good the classifier is on wells that it never saw; an entry of its matrix opens the cells mistaken.",
    "fields": "All fields of the plate as thumbnails; a click opens the field there.",
    "mosaic": "The same under the colours of the map.",
    "profiles": "The wells as a heat map, like beside like; a click on a row opens its well.",
    "hits": "Wells that differ from the controls; a click shows the field and its cells beside those of the controls.",
    "reopened": "Closed and opened again: field, view, classes, model, map and hits as they stood.",
}
"""What the pictures of a tour of the window show, in its order."""

SIMULATED = "SIMULATED"
"""How the names of plates begin that no microscope ever saw."""

_SOFTWARE = ("napari-phenotyper", "numpy", "scikit-image", "scikit-learn", "torch")
_MEANINGS = {
    "accuracy": "Share of cells given the class that the expert gave them; rare classes hardly count.",
    "balanced_accuracy": "Share of cells found, averaged over classes: each class counts the same, however rare.",
    "macro_f1": "Balance of finding a class's cells and not claiming others', averaged over classes.",
    "log_loss": "How far the probabilities are from the truth; 0 is perfect, smaller is better.",
}


def write_report(
    session: Session, plates: Sequence[Plate], out: Path, progress: Progress, window: Sequence[Path] = ()
) -> None:
    """Write one self-contained HTML page on some plates of a project, with pictures of the window if there are any.

    Raises
    ------
    ProjectError
        If the file cannot be written.
    """
    pictures = tuple((WINDOW.get(path.stem, path.stem), path.read_bytes()) for path in window)
    html = render(replace(compose(session, plates, progress), window=pictures))
    with replacing(out) as path:
        path.write_text(html, encoding="utf-8")


def compose(session: Session, plates: Sequence[Plate], progress: Progress) -> ReportContent:
    """Return everything that is known of some plates; stages not reached yet are left out."""
    model = learning.model_in_use(session) if session.project.models.ids() else None
    segmented = [p for p in plates if p.name in session.setting("segmenters")]
    shares, hits = _findings(session, plates, part(progress, 0.0, 0.4))
    return ReportContent(
        title=", ".join(p.name for p in plates),
        plates=tuple(_summary(p) for p in plates),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        layout=session.layout,
        phenotypes=session.annotations.phenotypes,
        segmentation=_segmentation(session, segmented, model, part(progress, 0.4, 0.6)) if segmented else None,
        annotations=_annotated(session) if len(session.annotations) else None,
        evaluation=_evaluation(session, model) if model else None,
        examples=class_examples(session, segmented, model, part(progress, 0.6, 0.9)) if model else (),
        curve=judging.kept_curve(session, model) if model else None,
        shares=shares,
        hits=hits,
        scorer=session.registry.title("scorer", profiling.DEFAULT_SCORER) if hits else "",
        methods=_methods(session, segmented, model),
        steps=_steps(session, segmented, model),
        software={
            name: version(name) for name in ("napari-phenotyper", "numpy", "scikit-image", "scikit-learn", "torch")
        },
        lights=tuple(lit for plate in plates if (lit := light_part(session, plate)) is not None),
        mosaics=report_mosaics(session, plates, part(progress, 0.9, 1.0)),
        simulated=any(p.name.startswith(SIMULATED) for p in plates),
    )


def _summary(plate: Plate) -> PlateSummary:
    first = next(plate.fields(), None)
    fields = sum(len(w.sources) for w in plate.wells)
    channels = tuple(f"{c.name} ({c.role})" if c.role and c.role != c.name else c.name for c in plate.channels)
    pixel_size = first.info.pixel_size if first is not None else None
    return PlateSummary(
        plate.name, len(plate.wells), fields, channels, pixel_size, plate.path, plate.shape, plate.problems
    )


def _findings(session: Session, plates: Sequence[Plate], progress: Progress) -> tuple[Any, tuple[Any, ...]]:
    """Return the class shares and the hits, or None and nothing where their inputs are missing."""
    try:
        shares = profiling.profile(session, plates, progress)
    except PhenotyperError:
        return None, ()
    try:
        return shares, profiling.hits(session, plates, progress)
    except PhenotyperError:
        return shares, ()


def _segmentation(session: Session, plates: Sequence[Plate], model: str | None, progress: Progress) -> SegmentationPart:
    found = [(f, key) for plate in plates for f, key in segmenting.current_masks(session, plate)]
    cells = sum(session.project.masks.count(f.ref, key) for f, key in found)
    failed = [f"{name}: {why}" for plate in plates for name, why in failures_of(session, plate).items()]
    record = segmenting.segmenter_record(session, plates[0])
    title = session.registry.title("segmenter", str(record["id"]))
    examples = []
    for i, ref in enumerate(_example_fields(plates)):
        progress(i / 3, f"Drawing {ref}")
        example = _example(session, ref, model)
        if example is not None:
            examples.append(example)
    flagged = {ref: given for plate in plates for ref, given in flags_of(session, plate).items()}
    doubts = tuple(f"{ref}: {', '.join(given)}" for ref, given in flagged.items())
    return SegmentationPart(title, cells, len(found), tuple(failed), tuple(examples), doubts, counted(flagged.values()))


def _example_fields(plates: Sequence[Plate]) -> list[FieldRef]:
    """Return a field of a negative control, of a positive control and of a sample, as far as there are any."""
    chosen = []
    for role in (NEGATIVE, POSITIVE, SAMPLE):
        wells = [w for p in plates for w in p.well_refs() if p.layout.of(w).role == role]
        if wells:
            chosen.append(FieldRef(*wells[len(wells) // 2], 1))
    return chosen


def _example(session: Session, ref: FieldRef, model: str | None) -> FieldExample | None:
    plate = session.plates[ref.plate]
    field = plate.field(ref.well, ref.field)
    masks = segmenting.masks_of(session, field)
    if masks is None:
        return None
    try:
        image = field.read(["DNA"] if any(c.role == "DNA" for c in field.channels) else None)
    except PixelError:
        return None  # it is among the fields that failed, with its reason
    classes: Mapping[int, str] = {}
    if model is not None:
        prediction = learning.predictions_of(session, plate, model, [ref.well]).get(ref)
        if prediction is not None:
            names = [prediction.classes[k] for k in prediction.labels]
            classes = dict(zip(map(int, prediction.ids), names, strict=True))
    return FieldExample(ref, image, masks.labels["nuclei"], classes, field.info.pixel_size)


def _annotated(session: Session) -> AnnotationPart:
    active = session.annotations.active.values()
    found = labelling.matches(session).values()
    return AnnotationPart(
        labelling.counts(session),
        len({a.field.well_ref for a in active}),
        tuple(sorted({a.annotator for a in active if a.annotator})),
        sum(len(m.lost) for m in found),
        sum(len(m.contested) for m in found),
    )


def _evaluation(session: Session, model: str) -> EvaluationPart | None:
    report = learning.scores_of(session, model)
    return evaluation_part(session, report) if report is not None else None


def evaluation_part(session: Reading, report: Mapping[str, Any]) -> EvaluationPart:
    """Return an evaluation, JSON as `session.learning.evaluate` makes it, as figures and tables take it."""
    scores = tuple(Score(n.replace("_", " "), _estimate(report[n]), _MEANINGS[n]) for n in _MEANINGS)
    per_class = tuple(
        ClassScore(name, int(one["support"]), *(_class_estimate(one, k) for k in ("precision", "recall", "f1")))
        for name, one in report["per_class"].items()
    )
    folds = f"{len(report['folds'])} folds"
    procedure = f"{folds}; cells of one {report['group']} are never in both the training and the test part."
    return EvaluationPart(
        session.registry.title("classifier", str(report["classifier"]["id"])),
        procedure,
        tuple(report["classes"]),
        np.array(report["confusion"], np.int64),
        scores,
        per_class,
        tuple(report["warnings"]),
        _reliability(report),
    )


def _estimate(score: Mapping[str, Any]) -> Estimate:
    return Estimate(*(_number(score[k]) for k in ("value", "low", "high")))


def _class_estimate(scores: Mapping[str, Any], name: str) -> Estimate:
    return Estimate(_number(scores[name]), *(_number(bound) for bound in scores[f"{name}_interval"]))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _reliability(report: Mapping[str, Any]) -> Reliability | None:
    bins = report.get("reliability")
    if not bins:
        return None
    cells = np.array(bins["n"], np.int64)
    full = cells > 0
    confidence, right = (
        np.array([math.nan if v is None else v for v in bins[k]])[full] for k in ("confidence", "right")
    )
    error = report.get("calibration_error")
    return Reliability(confidence, right, cells[full], _number(error))


def _steps(session: Session, plates: Sequence[Plate], model: str | None) -> tuple[Step, ...]:
    steps = []
    for plate in plates:
        record = segmenting.segmenter_record(session, plate)
        steps.append(_step(f"segment {plate.name}", record))
        steps += light_step(session, plate)
    steps += [_step("measure", record) for record in measuring.extractor_records(session).values()] if plates else []
    if model is not None:
        card = session.project.models.card(model)
        steps.append(_step("train", card["classifier"], str(card["training"])))
    return tuple(steps)


def _step(stage: str, record: Mapping[str, Any], key: str = "") -> Step:
    return Step(stage, str(record["id"]), int(record["version"]), dict(record["settings"]), key)


def _methods(session: Session, plates: Sequence[Plate], model: str | None) -> tuple[str, ...]:
    """Return paragraphs for a paper."""
    told = []
    if plates:
        name = str(segmenting.segmenter_record(session, plates[0])["id"])
        families = ", ".join(measuring.extractor_records(session))
        told.append(
            f"Nuclei were segmented with the segmenter “{name}” of napari-phenotyper {version(_SOFTWARE[0])}, sizes "
            f"resolved per plate from a sample of its fields, and described by the feature families {families}."
        )
    told += light_methods(session, plates)
    if model is not None:
        card = session.project.models.card(model)
        told.append(
            f"The classifier “{card['classifier']['id']}” was trained on {sum(card['cells'].values())} annotated "
            f"cells of {len(card['classes'])} classes from {len(card['wells'])} wells. Features were standardised "
            "with the mean and standard deviation of the training cells. Every cell was given the class of highest "
            "calibrated probability."
        )
    return tuple(told)
