"""Parameters of an extension: the fields of its frozen dataclass.

A field's type says what it takes (int, float, bool, str, a Literal, any of these or None, tuple[str, ...]); its
metadata says the rest: `field(default=…, metadata={"help": "…", "unit": "µm", "min": 0, "max": 1})`.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.keys import Json


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes
    ----------
    name, default, help
        As in the dataclass field.
    kind
        "int", "float", "bool", "str", "choice" or "list".
    choices
        For a choice.
    optional
        Whether it may be None ("choose for me").
    unit, minimum, maximum
        From the metadata; "" and None if not given.
    """

    name: str
    kind: str
    default: object
    help: str = ""
    choices: tuple[object, ...] = ()
    optional: bool = False
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None


def parameters(extension: type) -> tuple[Parameter, ...]:
    """Return the parameters of an extension's class, in the order of its fields."""
    hints = get_type_hints(extension)
    found = []
    for field in dataclasses.fields(extension):
        if not field.init or field.name.startswith("_"):
            continue
        kind, choices, optional = _kind(hints[field.name], f"{extension.__name__}.{field.name}")
        default = field.default if field.default is not dataclasses.MISSING else None
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        meta = field.metadata
        found.append(
            Parameter(
                field.name,
                kind,
                default,
                str(meta.get("help", "")),
                choices,
                optional,
                str(meta.get("unit", "")),
                meta.get("min"),
                meta.get("max"),
            )
        )
    return tuple(found)


def _kind(hint: Any, where: str) -> tuple[str, tuple[object, ...], bool]:
    """Return kind, choices and whether None is allowed."""
    optional = False
    if get_origin(hint) in (Union, types.UnionType):
        options = [a for a in get_args(hint) if a is not type(None)]
        optional = len(options) < len(get_args(hint))
        if len(options) != 1:
            raise TypeError(f"{where}: a parameter takes one type, or that type and None")
        hint = options[0]
    if get_origin(hint) is Literal:
        return "choice", get_args(hint), optional
    if get_origin(hint) is tuple:
        return "list", (), optional
    if hint in (int, float, bool, str):
        return hint.__name__, (), optional
    raise TypeError(f"{where}: a parameter is int, float, bool, str, Literal or tuple[str, ...], not {hint!r}")


def make(extension: type, settings: Mapping[str, object], name: str = "") -> Any:
    """Return an extension made with some settings, given as values or as text.

    Parameters
    ----------
    extension
        The class.
    settings
        Parameter name to value; text is read by the parameter's type ("0.5", "true", "none", "a,b").
    name
        How the extension is called in messages.

    Raises
    ------
    SettingError
        Naming the parameter, and those there are.
    """
    known = {p.name: p for p in parameters(extension)}
    values = {}
    for key, value in settings.items():
        if key not in known:
            raise SettingError(
                f"{name or extension.__name__} has no parameter {key!r}.",
                f"It has: {', '.join(known) or 'none'}.",
            )
        values[key] = _read(known[key], value)
    return extension(**values)


def _read(parameter: Parameter, value: object) -> object:
    """Return a value of the parameter's type, or raise SettingError."""
    if value is None or (isinstance(value, str) and value.casefold() in ("none", "auto") and parameter.optional):
        if parameter.optional:
            return None
        raise SettingError(f"{parameter.name} needs a value.", _wants(parameter))
    try:
        result = _convert(parameter, value)
    except (TypeError, ValueError) as error:
        raise SettingError(f"{parameter.name} cannot be {value!r}.", _wants(parameter)) from error
    if isinstance(result, int | float) and not isinstance(result, bool):
        low, high = parameter.minimum, parameter.maximum
        if (low is not None and result < low) or (high is not None and result > high) or result != result:
            raise SettingError(f"{parameter.name} cannot be {value!r}.", _wants(parameter))
    return result


def _convert(parameter: Parameter, value: object) -> object:
    if parameter.kind == "choice":
        return next(c for c in parameter.choices if str(c) == str(value)) if _is_choice(parameter, value) else _no()
    if parameter.kind == "list":
        items = value.split(",") if isinstance(value, str) else list(value)  # type: ignore[call-overload]
        return tuple(str(item).strip() for item in items if str(item).strip())
    if parameter.kind == "bool":
        text = str(value).casefold()
        if text in ("true", "yes", "on", "1"):
            return True
        return False if text in ("false", "no", "off", "0") else _no()
    if parameter.kind == "int":
        return int(value) if float(value) == int(float(value)) else _no()  # type: ignore[call-overload, arg-type]
    return {"float": float, "str": str}[parameter.kind](value)


def _is_choice(parameter: Parameter, value: object) -> bool:
    return str(value) in {str(c) for c in parameter.choices}


def _no() -> object:
    raise ValueError("not a value of this parameter")


def _wants(parameter: Parameter) -> str:
    """Say what a parameter takes."""
    what = {
        "int": "a whole number", "float": "a number", "bool": "true or false", "str": "text",
        "list": "names, separated by commas", "choice": "one of " + ", ".join(map(str, parameter.choices)),
    }[parameter.kind]  # fmt: skip
    if parameter.minimum is not None or parameter.maximum is not None:
        low = "-∞" if parameter.minimum is None else f"{parameter.minimum:g}"
        high = "∞" if parameter.maximum is None else f"{parameter.maximum:g}"
        what += f" from {low} to {high}"
    return f"It takes {what}{' or none' if parameter.optional else ''}; default {parameter.default!r}."


def settings_of(extension: Any) -> Mapping[str, Json]:
    """Return an extension's parameters as JSON; `make` brings them back."""
    return as_json({p.name: getattr(extension, p.name) for p in parameters(type(extension))})


def as_json(settings: Mapping[str, object]) -> dict[str, Json]:
    """Return values of parameters as JSON has them."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in settings.items()}  # type: ignore[misc]
