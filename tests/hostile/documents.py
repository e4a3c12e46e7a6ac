"""Damage that knows a text's structure: JSON documents, LightGBM's trees, Python modules, CSV tables."""

import json
import re
from random import Random
from typing import Any, Final

from tests.hostile.mutators import TEXTS, flip_bits, set_text_numbers

_VALUES: Final = (
    -1, 0, 1, 2, -5, 10**8, 2**31 - 1, 2**31, -(2**31), 2**63, 1e308, 0.5, True, None, "", "x", "-1", "NaN", [], {},
    [[]], [0] * 1000,
)  # fmt: skip
_TREE_KEYS: Final = (b"left_child", b"right_child", b"split_feature", b"num_leaves", b"cat_boundaries", b"num_cat",
                     b"threshold", b"decision_type", b"leaf_value", b"cat_threshold", b"leaf_count")  # fmt: skip
_PLACES: Final = ("left_children", "right_children", "parents", "split_indices", "split_conditions", "default_left",
                  "num_nodes", "num_feature", "tree_info", "categories_nodes", "categories_segments", "num_class",
                  "size_leaf_vector", "base_score", "iteration_indptr", "weights", "enc")  # fmt: skip


def json_values(raw: bytes, random: Random) -> bytes:
    """A value anywhere in the document, or an element of a list."""
    document = _parsed(raw)
    if document is None:
        return flip_bits(raw, random)
    places = list(_places(document))
    for holder, key in random.sample(places, min(len(places), random.choice((1, 1, 2, 5)))):
        holder[key] = random.choice(_VALUES)
    return json.dumps(document).encode()


def json_places(raw: bytes, random: Random) -> bytes:
    """What a tree's arrays point at: beyond their ends, in circles, nowhere; and how long they say they are."""
    document = _parsed(raw)
    named = [] if document is None else [place for place in _places(document, deep=False) if place[1] in _PLACES]
    if not named:
        return flip_bits(raw, random)
    for _ in range(random.choice((1, 1, 2, 6))):
        holder, key = random.choice(named)
        values = holder[key]
        if isinstance(values, list) and values and not isinstance(values[0], list | dict):
            _distort(values, random)
        else:
            holder[key] = random.choice(TEXTS)
    return json.dumps(document).encode()


def json_structure(raw: bytes, random: Random) -> bytes:
    """A member left out, or put into another's place."""
    document = _parsed(raw)
    if document is None:
        return flip_bits(raw, random)
    places = list(_places(document))
    holder, key = random.choice(places)
    if random.random() < 0.5:
        del holder[key]
    else:
        there, other = random.choice(places)
        holder[key] = json.loads(json.dumps(there[other]))
    return json.dumps(document).encode()


def lightgbm_trees(raw: bytes, random: Random) -> bytes:
    """Places in the trees' lists; the lengths that the header names fit again, else nothing of it would be read."""
    lines = raw.split(b"\n")
    wanted = [at for at, line in enumerate(lines) if line.partition(b"=")[0] in _TREE_KEYS]
    for at in random.sample(wanted, min(len(wanted), random.choice((1, 1, 2, 5)))):
        key, _, values = lines[at].partition(b"=")
        numbers: list[Any] = values.split()
        if len(numbers) > 1 and random.random() < 0.8:
            _distort(numbers, random)
        else:
            numbers = [random.choice(TEXTS)]
        lines[at] = key + b"=" + b" ".join(one if isinstance(one, bytes) else str(one).encode() for one in numbers)
    return fitted_sizes(b"\n".join(lines))


def lightgbm_numbers(raw: bytes, random: Random) -> bytes:
    """Any numbers, with lengths that fit again."""
    return fitted_sizes(set_text_numbers(raw, random))


def fitted_sizes(raw: bytes) -> bytes:
    """LightGBM's text, with the `tree_sizes` that its trees have."""
    starts = [found.start() + 1 for found in re.finditer(rb"\nTree=", raw)]
    end = raw.find(b"end of trees")
    if not starts or end < starts[-1]:
        return raw
    sizes = [after - start for start, after in zip(starts, [*starts[1:], end], strict=True)]
    return re.sub(rb"(?m)^tree_sizes=.*$", b"tree_sizes=" + b" ".join(b"%d" % size for size in sizes), raw, count=1)


def lines(raw: bytes, random: Random) -> bytes:
    """A line left out, doubled or moved."""
    found = raw.split(b"\n")
    line = found.pop(random.randrange(len(found)))
    for _ in range(random.choice((0, 1, 2))):
        found.insert(random.randrange(len(found) + 1), line)
    return b"\n".join(found)


def csv_cells(raw: bytes, random: Random) -> bytes:
    """Quotes that never close, endless cells, other delimiters, zeros, half a character."""
    odd = (b'"', b'""', b'"\n', b",", b";", b"\t", b"\r", b"\0", b"\xff\xfe", b"\xc3", b"\xef\xbb\xbf", b"9" * 5000,
           b"," * 300, b'"' + b"x\n" * 200, b"=cmd()", b"\x1b[2J", "\u202e".encode())  # fmt: skip
    for _ in range(random.choice((1, 2, 5))):
        at = random.randrange(len(raw) + 1)
        raw = raw[:at] + random.choice(odd) + raw[at + random.choice((0, 0, 1, 4)) :]
    return raw


def _distort(values: list[Any], random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 4))):
        at = random.randrange(len(values))
        values[at] = random.choice((-1, 0, 1, at, at - 1, -at - 1, len(values), 10**8, 2**31 - 1, -(2**31), 12345))
    if random.random() < 0.1:
        del values[random.randrange(len(values)) :]


def _parsed(raw: bytes) -> Any:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document else None


def _places(document: Any, *, deep: bool = True) -> Any:
    """Each holder with each of its keys. `deep`: also the elements of lists of numbers, some of them."""
    if isinstance(document, dict):
        for key, value in list(document.items()):
            yield document, key
            yield from _places(value, deep=deep)
    elif isinstance(document, list):
        for key, value in enumerate(document if deep else [each for each in document if isinstance(each, dict | list)]):
            if deep and key < 50:
                yield document, key
            yield from _places(value, deep=deep)
