"""The scoring benchmark's judgement: who agrees, and what is held against whom."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from benchmarks.scoring.agreement import Disagreement, ensure_same
from benchmarks.scoring.bars import draw
from benchmarks.scoring.cases import Case
from benchmarks.scoring.environment import S3A
from benchmarks.scoring.inputs import ROW_GROUP, made
from benchmarks.scoring.models import Model
from benchmarks.scoring.report import rows_of
from benchmarks.scoring.rounds import Times
from infra.embedded.jars import pinned_digests
from schemas.signature import Signature
from services.executor.scoring.job import ModelArtifact

SCORES = np.linspace(0, 1, ROW_GROUP + 10)


@pytest.fixture
def case(tmp_path) -> Case:
    signature = Signature(inputs=(), outputs=(), params=())
    artifact = ModelArtifact(id="m", version=1, format="sklearn", uri="s3://models/m", sha256="0", signature=signature)
    return Case(Model("linear", tmp_path / "m", artifact), made(5_000_000), (), "d")


def test_the_same_scores_are_the_same(case):
    ensure_same(case, {"a": SCORES, "b": SCORES + 1e-12}, SCORES[:ROW_GROUP])


def test_one_other_score_among_all_is_found_and_its_owner_named(case):
    other = SCORES.copy()
    other[-1] += 1e-6
    with pytest.raises(Disagreement, match="a and b"):
        ensure_same(case, {"a": SCORES, "b": other}, SCORES[:ROW_GROUP])


def test_scores_that_agree_with_each_other_but_not_with_the_model_are_found(case):
    with pytest.raises(Disagreement, match="the estimator itself"):
        ensure_same(case, {"a": SCORES + 1, "b": SCORES + 1}, SCORES[:ROW_GROUP])


def test_a_ratio_is_of_medians_and_says_what_is_to_be_reached(case):
    names = ("bare processes", "executor, scoring only", "executor, request → fact")
    others = ("spark_udf", "mapInPandas")
    times = Times(case, {name: [1.0, 9.0, 2.0] for name in (*names, *others)} | {names[1]: [4.0, 4.0, 4.0]})
    first = rows_of(times)[0]
    assert (first.value, first.ratio, first.of) == (1_250_000, 0.5, "bare processes (to reach: 0.9)")


def test_the_plot_is_a_picture_with_a_bar_for_each():
    picture = ET.fromstring(draw("Bars", {"1M": {"a": 1.0, "b": 0.5}, "5M": {"a": 1.0}}))  # noqa: S314 - our own
    widths = [float(bar.attrib["width"]) for bar in picture.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths == [510.0, 255.0, 510.0]


def test_the_peers_jars_are_pinned():
    assert "hadoop-aws-3.5.0.jar" in pinned_digests("s3a", S3A)
