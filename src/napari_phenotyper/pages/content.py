"""What a report is made from: plain values, each part optional, so that a half-done project makes a page too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.annotations import Phenotype
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import Labels
from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.profile import Hit, Profile
from napari_phenotyper.core.wells import FieldRef


@dataclass(frozen=True)
class Estimate:
    """A score and the bounds of its 95 % interval; NaN where they are not known."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class PlateSummary:
    """A plate in a few figures.

    Attributes
    ----------
    name, path
        What it is called, and where it was opened.
    wells, fields
        How many have images.
    channels
        As the page shall name them ("DAPI (DNA)").
    pixel_size
        µm per pixel, or None.
    shape
        (rows, columns) of the plate; None: the smallest of 96 wells up that holds the wells.
    problems
        Sentences about what is wrong with it.
    """

    name: str
    wells: int
    fields: int
    channels: tuple[str, ...] = ()
    pixel_size: float | None = None
    path: str = ""
    shape: tuple[int, int] | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class FieldExample:
    """One field to be shown with the outlines of its masks.

    Attributes
    ----------
    ref
        Which field.
    image
        (c, y, x) pixels.
    labels
        (y, x) int32 mask of the nuclei.
    classes
        Cell id to class; outlines are white where it has none.
    pixel_size
        µm per pixel, or None.
    """

    ref: FieldRef
    image: NDArray[np.generic]
    labels: Labels
    classes: Mapping[int, str] = field(default_factory=dict)
    pixel_size: float | None = None


@dataclass(frozen=True, eq=False)
class SegmentationPart:
    """How cells were found: a sentence on the method, how many, in how many fields, what failed, some examples.

    `doubts` names the fields that are empty, out of focus, saturated or crowded, and `doubtful` counts them in words.
    """

    method: str
    cells: int
    fields: int
    failed: tuple[str, ...] = ()
    examples: tuple[FieldExample, ...] = ()
    doubts: tuple[str, ...] = ()
    doubtful: str = ""


@dataclass(frozen=True, eq=False)
class LightPart:
    """How evenly a plate was lit: what was decided, as sentences, and channel to its (y, x) gain, small, of mean 1."""

    plate: str
    sentences: tuple[str, ...]
    gains: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotationPart:
    """What was labelled: class to cells, wells that have labels, who labelled, labels that no longer fit the masks."""

    counts: Mapping[str, int]
    wells: int = 0
    annotators: tuple[str, ...] = ()
    lost: int = 0
    contested: int = 0


@dataclass(frozen=True)
class Score:
    """One score of the classifier: its name, its value, and what it means in words."""

    name: str
    estimate: Estimate
    meaning: str = ""


@dataclass(frozen=True)
class ClassScore:
    """How well one class is found; support is the number of annotated cells."""

    name: str
    support: int
    precision: Estimate
    recall: Estimate
    f1: Estimate = field(default_factory=lambda: Estimate(math.nan))


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins of the classifier's confidence: (B,) mean confidence, share that is right, cells; and the ECE."""

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    cells: NDArray[np.int64]
    error: float = math.nan


@dataclass(frozen=True, eq=False)
class EvaluationPart:
    """How good the classifier is on cells that it did not learn from.

    Attributes
    ----------
    classifier
        Its title.
    procedure
        How it was tested, as a sentence ("5 folds; cells of one well are never in both parts").
    classes, confusion
        K names and (K, K) cells: rows as annotated, columns as predicted.
    scores, per_class
        Scores over all cells, and of each class.
    advice
        Warnings and what to label next, as sentences.
    reliability
        Or None.
    """

    classifier: str
    procedure: str
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    scores: tuple[Score, ...] = ()
    per_class: tuple[ClassScore, ...] = ()
    advice: tuple[str, ...] = ()
    reliability: Reliability | None = None


@dataclass(frozen=True, eq=False)
class ClassExamples:
    """Some cells of a class: (n, c, y, x) crops, and µm per pixel of the crops or None."""

    name: str
    crops: NDArray[np.float32]
    pixel_size: float | None = None


@dataclass(frozen=True)
class Step:
    """One line of the provenance: what was done, by which extension, with which settings, under which key."""

    stage: str
    extension: str
    version: int = 1
    settings: Mapping[str, Json] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, eq=False)
class ReportContent:
    """Everything on the page; leave out what is not there yet.

    Attributes
    ----------
    title, made
        Name of the project, and when the page was made.
    plates
        The screen.
    layout
        Conditions of its wells.
    phenotypes
        The class set, with its colours.
    segmentation, annotations, evaluation, examples
        The parts of the way.
    curve
        Learning curve of the classifier, JSON as `session.judging` makes it, or None.
    shares
        Profile of the class shares (0 … 1), of all plates.
    hits
        Of all plates, the highest score first.
    scorer
        Title of the score.
    methods
        Paragraphs for a paper.
    steps
        Provenance.
    software
        Package to version.
    simulated
        Whether no cell of it ever lived: the page and every figure say so.
    lights
        How each plate was lit, where anybody looked.
    window
        Pictures of the window at work: caption, and a PNG or JPEG file.
    mosaics
        Plate to a JPEG file of all its fields as thumbnails.
    """

    title: str
    plates: tuple[PlateSummary, ...] = ()
    made: str = ""
    layout: Layout = field(default_factory=Layout)
    phenotypes: tuple[Phenotype, ...] = ()
    segmentation: SegmentationPart | None = None
    annotations: AnnotationPart | None = None
    evaluation: EvaluationPart | None = None
    examples: tuple[ClassExamples, ...] = ()
    curve: Mapping[str, Any] | None = None
    shares: Profile | None = None
    hits: tuple[Hit, ...] = ()
    scorer: str = ""
    methods: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    software: Mapping[str, str] = field(default_factory=dict)
    simulated: bool = False
    lights: tuple[LightPart, ...] = ()
    window: tuple[tuple[str, bytes], ...] = ()
    mosaics: Mapping[str, bytes] = field(default_factory=dict)
