"""Digests that name results: same inputs, same key; change one and the key changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

KEY_LENGTH = 16


def digest(*parts: Json | bytes) -> str:
    """Return a key of 16 hexadecimal digits for JSON values and bytes.

    Parameters
    ----------
    parts
        JSON-able values (mappings compare without regard to order) or raw bytes.
    """
    sha = hashlib.sha256()
    for value in parts:
        raw = value if isinstance(value, bytes) else json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        sha.update(len(raw).to_bytes(8, "little"))
        sha.update(raw)
    return sha.hexdigest()[:KEY_LENGTH]
