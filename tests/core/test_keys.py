"""Same inputs, same key; change one and the key changes."""

from __future__ import annotations

import hashlib
import json
import string

from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.keys import KEY_LENGTH, digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_key_is_sixteen_hexadecimal_digits(value: object) -> None:
    key = digest(value)
    assert len(key) == KEY_LENGTH == 16 and set(key) <= set(string.hexdigits.lower())


@given(st.dictionaries(st.text(), JSON, min_size=1, max_size=5))
def test_the_order_of_parameters_does_not_matter(values: dict[str, object]) -> None:
    assert digest(values) == digest(dict(reversed(values.items())))


@given(st.lists(JSON, max_size=4), st.lists(JSON, max_size=4))
def test_lists_that_differ_as_json_have_keys_that_differ(a: list[object], b: list[object]) -> None:
    assert (digest(*a) == digest(*b)) == (json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True))


def test_where_one_part_ends_and_the_next_begins_counts() -> None:
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")
    assert digest() != digest("") != digest([])


def test_a_key_stays_the_same_from_version_to_version() -> None:
    parts = (b'{"a":[null,"\\u00e9"],"b":1}', b"raw")
    plain = hashlib.sha256(b"".join(len(part).to_bytes(8, "little") + part for part in parts)).hexdigest()
    assert digest({"b": 1, "a": [None, "é"]}, b"raw") == plain[:16] == "bf9b54eb22648b06"
