"""Pipelines whose first step takes a sequence of texts, and not a frame, which it would take for its columns' names."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import LinearSVC

from tests.models.harness import agree, columns, scored
from tests.models.stored_tables import KINDS, refused, sampled, some_rows, stored

RANDOM = np.random.default_rng(3)
WORDS = np.array(["good", "great", "fun", "bad", "awful", "sad", "note", "the", "Ünder"])
NOTES = [" ".join(RANDOM.choice(WORDS, 6)) for _ in range(120)]
MOOD = np.array(["good" if note.count("good") + note.count("fun") > note.count("bad") else "bad" for note in NOTES])
STARS = np.array([note.count("great") - note.count("awful") for note in NOTES], dtype=float)
TFIDF = TfidfVectorizer()


def lowered(texts):
    return [text.lower() for text in texts]


def letters(text):
    return list(text)


PIPELINES = {
    "tf-idf": make_pipeline(TFIDF, LogisticRegression()),
    "counts": make_pipeline(CountVectorizer(ngram_range=(1, 2)), TfidfTransformer(), MultinomialNB()),
    "hashes": make_pipeline(HashingVectorizer(n_features=64), LinearSVC()),
    "an analyzer of one's own": make_pipeline(CountVectorizer(analyzer=letters), LogisticRegression()),
    "a union of vectorizers": make_pipeline(make_union(TFIDF, CountVectorizer(analyzer="char")), LogisticRegression()),
    "a function before": make_pipeline(FunctionTransformer(lowered), TFIDF, LogisticRegression()),
    "passed on before": make_pipeline("passthrough", TFIDF, LogisticRegression()),
    "a pipeline in a pipeline": make_pipeline(
        make_pipeline(TFIDF, TruncatedSVD(3, random_state=0)), LogisticRegression()
    ),
    "a search": GridSearchCV(make_pipeline(TFIDF, LogisticRegression()), {"logisticregression__C": [0.1, 1]}, cv=3),
    "calibrated": CalibratedClassifierCV(make_pipeline(TFIDF, LinearSVC()), cv=3),
    "a vote": VotingClassifier(
        [("a", make_pipeline(TFIDF, LogisticRegression())), ("b", make_pipeline(CountVectorizer(), MultinomialNB()))]
    ),
    "a stack": StackingClassifier([("a", make_pipeline(TFIDF, LogisticRegression()))], cv=3),
    "one versus rest": make_pipeline(TFIDF, OneVsRestClassifier(LogisticRegression())),
    "frozen": FrozenEstimator(make_pipeline(TFIDF, LogisticRegression()).fit(NOTES, MOOD)),
}
CASES = [(name, kind) for name in PIPELINES for kind in KINDS]
LEARNT_FROM = {"a list": list, "a series": pd.Series, "an array": np.array}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


@pytest.mark.parametrize(("name", "kind"), sampled(CASES, 3, ids=[" ".join(case) for case in CASES]))
@pytest.mark.parametrize("rows", [len(NOTES), 1])
def test_a_column_of_texts_is_scored_text_by_text(path, name, kind, rows):
    model = PIPELINES[name].fit(NOTES, MOOD)
    joblib.dump(model, path)
    data = stored(pd.DataFrame({"note": NOTES[:rows]}), kind).data

    result = scored("sklearn", path, inputs=columns(note="string"), data=data, row_group_size=17)

    agree(result, model.predict(NOTES[:rows]))


@pytest.mark.parametrize("learnt_from", LEARNT_FROM)
def test_whatever_sequence_it_was_fitted_with(path, learnt_from):
    model = make_pipeline(TFIDF, LogisticRegression()).fit(LEARNT_FROM[learnt_from](NOTES), MOOD)
    joblib.dump(model, path)

    result = scored(
        "sklearn", path, inputs=columns(note="string"), data=stored(pd.DataFrame({"note": NOTES}), "csv").data
    )

    agree(result, model.predict(NOTES))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_among_other_columns_is_taken_by_its_name(path, kind):
    read = stored(pd.DataFrame({"note": NOTES, "shop": RANDOM.choice(["a", "b"], 120), "stars": STARS}), kind)
    model = make_pipeline(
        make_column_transformer((TFIDF, "note"), (OneHotEncoder(), ["shop"]), remainder="passthrough"),
        LogisticRegression(),
    ).fit(read.frame, MOOD)
    joblib.dump(model, path)

    result = scored("sklearn", path, inputs=columns(stars="double", note="string", shop="string"), data=read.data)

    agree(result, model.predict(read.frame))


def test_isotonic_regression_takes_one_column(path):
    for fitted_with in (STARS, STARS.reshape(-1, 1), pd.DataFrame({"stars": STARS})):
        model = IsotonicRegression(out_of_bounds="clip").fit(fitted_with, np.abs(STARS))
        joblib.dump(model, path)
        result = scored(
            "sklearn", path, inputs=columns(stars="double"), data=stored(pd.DataFrame({"stars": STARS}), "parquet").data
        )
        agree(result, model.predict(STARS))


@pytest.mark.parametrize(
    ("model", "inputs", "reason"),
    [
        (PIPELINES["tf-idf"], {"note": "string", "more": "string"}, "takes one column .*, and the signature has 2"),
        (PIPELINES["tf-idf"], {"note": "long"}, "takes texts, and note is long"),
        (make_pipeline(CountVectorizer(input="filename"), Ridge()), {"note": "string"}, "reads files"),
    ],
)
def test_what_a_vectorizer_cannot_take_is_refused_when_it_is_loaded(path, tmp_path, model, inputs, reason):
    (tmp_path / "note").write_text("good")
    notes = [str(tmp_path / "note")] * 120 if "files" in reason else NOTES
    joblib.dump(model.fit(notes, STARS if "files" in reason else MOOD), path)

    result = scored("sklearn", path, inputs=columns(**inputs), data=some_rows(**inputs))

    refused(result, "model-unsupported" if "files" in reason else "signature-mismatch", reason)


@pytest.mark.parametrize("name", ["tf-idf", "a union of vectorizers", "a search"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_text_that_a_vectorizer_does_not_take_is_rejected_with_its_row(path, name, kind):
    model = PIPELINES[name].fit(NOTES, MOOD)
    joblib.dump(model, path)
    some = [None if at % 7 == 0 else note for at, note in enumerate(NOTES)]
    data = stored(pd.DataFrame({"note": some, "id": range(len(NOTES))}), kind).data

    result = scored("sklearn", path, inputs=columns(note="string?"), data=data, row_group_size=17)

    assert sorted(result.rejected) == list(range(0, len(NOTES), 7))
    assert set(result.rejected.values()) == {"note: a missing or infinite value, which the model doesn't take"}
    agree(result, model.predict(NOTES))


@pytest.mark.parametrize("first", [DictVectorizer(), FeatureHasher(n_features=8)])
def test_dictionaries_are_refused(path, first):
    joblib.dump(make_pipeline(first, Ridge()).fit([{"shop": "a"}, {"shop": "b"}], [1.0, 2.0]), path)

    result = scored(
        "sklearn", path, inputs=columns(shop="string"), data=stored(pd.DataFrame({"shop": ["a"]}), "parquet").data
    )

    refused(result, "model-unsupported", "takes a dictionary a row")


class Words(BaseEstimator):
    """Somebody's own: it says nothing of what it takes, and goes through it."""

    def fit(self, rows, y=None):
        return self

    def predict(self, rows):
        return np.array([len(each) for each in rows])


class Cleaner(Words):
    def transform(self, rows):
        return [each.replace("note", "") for each in rows]


class Chosen(Words):
    def transform(self, rows):
        return rows["note"]


class FirstColumn(Words):
    def predict(self, rows):
        return rows.iloc[:, 0].str.len()


class Neither(Words):
    def predict(self, rows):
        return np.zeros(1) if len(rows) > 2 else np.array([len(each) for each in rows])


OWN = {
    "goes through texts": Words(),
    "cleans texts": make_pipeline(Cleaner(), TFIDF, LogisticRegression()),
    "chooses a column": make_pipeline(Chosen(), TFIDF, LogisticRegression()),
    "takes a frame": FirstColumn(),
}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("rows", [1, 2, 120])
def test_a_class_of_one_s_own_gets_what_gives_a_prediction_a_row(path, name, rows):
    read = stored(pd.DataFrame({"note": NOTES}), "csv")
    to = read.frame if name in {"chooses a column", "takes a frame"} else NOTES
    model = OWN[name].fit(to, MOOD)
    joblib.dump(model, path)

    result = scored("sklearn", path, inputs=columns(note="string"), data=stored(read.frame[:rows], "csv").data)

    agree(result, model.predict(to[:rows]))


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_class_that_may_take_its_frame_for_the_names_in_it_is_never_believed(path, rows):
    joblib.dump(Neither(), path)

    result = scored(
        "sklearn",
        path,
        inputs=columns(a="string", b="string"),
        data=stored(pd.DataFrame({"a": NOTES[:rows], "b": NOTES[:rows]}), "csv").data,
    )

    refused(result, "prediction-shape", "go through the columns" if rows == 2 else f"predictions for {rows} rows")
