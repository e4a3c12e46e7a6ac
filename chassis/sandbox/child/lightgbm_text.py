"""LightGBM's text file, looked at before the library reads it, which trusts the lengths and places that it names."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from .lightgbm_trees import check_tree
from .native import UnreadableModel

_CATEGORIES: Final = "pandas_categorical:"
_ENDS: Final = ("end of parameters", "end of parser", _CATEGORIES)
_PARAMETERS: Final = ("\nparameters:\n", "\nend of parameters")
_PARAMETER: Final = re.compile(r"\[\w+: [^\n]*\]|")
_RANGE: Final = re.compile(r"\[([^:\[\]]+):([^:\[\]]+)\]")


@dataclass(frozen=True)
class Feature:
    """What training saw of an input.

    `codes`: the places of its categories, None where it was a number; `used`: whether a tree may ask for it.
    """

    codes: frozenset[int] | None
    low: float
    high: float
    used: bool

    def within(self, categories: int) -> bool:
        """Whether what training saw may have been places among so many categories."""
        whole = self.low.is_integer() and self.high.is_integer()
        return not self.used or (whole and self.low >= 0 and self.high < categories)


@dataclass(frozen=True)
class ModelText:
    """The parts that say what the model is. `categories` of None: the file has none, as one not from Python."""

    text: str
    objective: str
    features: tuple[Feature, ...]
    categories: tuple[list[Any], ...] | None


def read(raw: bytes) -> ModelText:
    """The file, with line ends as the library counts them.

    Raises:
        UnreadableModel: it is no such file, or is cut off, or was changed.
    """
    plain = raw.replace(b"\r\n", b"\n") if b"\r\n" in raw else raw
    if not plain.startswith(b"tree\n"):
        raise UnreadableModel(
            "the file is no LightGBM model in text: a JSON dump or a pickle can't be read; write it with"
            " booster_.save_model('model.txt')"
        )
    trees = plain.find(b"\nTree=") + 1 or plain.find(b"\nend of trees") + 1 or len(plain)
    try:
        text = plain.decode()
        header = _header(plain[:trees].decode())
        features = tuple(_feature(info) for info in header["feature_infos"].split())
        count = int(header["max_feature_idx"]) + 1
        _check_names(header.get("feature_names", "").split(" "), count)
        _check_trees(plain, trees, [int(size) for size in header["tree_sizes"].split()], count)
        _check_parameters(text)
    except (ValueError, KeyError) as error:
        raise _damaged() from error
    if len(features) != count:
        raise _damaged()
    return ModelText(text, header.get("objective", "").split(" ")[0], features, _categories(text))


def _header(text: str) -> dict[str, str]:
    """What stands before the trees, by its name: the last one counts. A name of an input may hold a `=`."""
    pairs = [line.partition("=") for line in text.split("\n")]
    return {key: value for key, _, value in pairs}


def _check_names(names: list[str], count: int) -> None:
    """Raises: UnreadableModel."""
    if len(names) != count or any(not name or "\r" in name for name in names):
        raise UnreadableModel(
            "the names of the inputs can't be told apart, one being empty or with a line's end in it: rename the"
            " columns and train anew"
        )


def _check_trees(plain: bytes, start: int, sizes: list[int], features: int) -> None:
    """Each tree lies where the header says, and is whole. Raises: UnreadableModel, ValueError, KeyError."""
    for size in sizes:
        if size < 0 or not plain.startswith(b"Tree=", start):
            raise _damaged()
        check_tree(plain[start : start + size].decode(), features=features)
        start += size
    if start > len(plain):
        raise _damaged()


def _check_parameters(text: str) -> None:
    """The settings of the training stand in brackets, each in a line. Raises: UnreadableModel."""
    _, _, rest = text.partition(_PARAMETERS[0])
    lines = rest.partition(_PARAMETERS[1])[0].split("\n")
    if not all(_PARAMETER.fullmatch(line) for line in lines):
        raise _damaged()


def _categories(text: str) -> tuple[list[Any], ...] | None:
    """Of the file's last line. Raises: UnreadableModel: it isn't the last one of a whole file."""
    last = text.rstrip().rpartition("\n")[2]
    if not last.startswith(_ENDS):
        raise _damaged()
    if not last.startswith(_CATEGORIES):
        return None
    try:
        found = json.loads(last.removeprefix(_CATEGORIES))
    except (ValueError, RecursionError) as error:
        raise _damaged() from error
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, list) for each in found):
        raise _damaged()
    return tuple(found)


def _feature(info: str) -> Feature:
    """`[low:high]`, `none`, or the places of categories: `0:2:1`, of which -1 stands for all others."""
    if info == "none":
        return Feature(None, 0.0, 0.0, used=False)
    if found := _RANGE.fullmatch(info):
        return Feature(None, float(found[1]), float(found[2]), used=True)
    codes = frozenset(int(code) for code in info.split(":")) - {-1}
    return Feature(codes, float(min(codes, default=0)), float(max(codes, default=0)), used=True)


def _damaged() -> UnreadableModel:
    return UnreadableModel(
        "the file is cut off, or was changed after LightGBM wrote it: write it anew with booster_.save_model, and copy"
        " it as bytes"
    )
