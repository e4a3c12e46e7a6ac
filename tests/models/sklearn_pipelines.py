"""Pipelines over columns of every type, each with the columns that it takes, and tables to fit and to score."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it adds IterativeImputer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

ROWS, FITTED = 230, 150
TYPES = {
    "whole": "long",
    "whole_or_none": "long?",
    "small": "integer",
    "small_or_none": "integer?",
    "real": "double",
    "real_or_none": "double?",
    "single": "float",
    "flag": "boolean",
    "flag_or_none": "boolean?",
    "city": "string",
    "city_or_none": "string?",
    "day": "datetime",
    "day_or_none": "datetime?",
}
_RANDOM = np.random.default_rng(23)


def table():
    """Rows beyond the fitted ones have categories of their own, too."""
    holes = {name: _RANDOM.random(ROWS) < 0.2 for name in TYPES}
    cities = np.concatenate([_RANDOM.choice(["Lyon", "Nîmes", "Brest"], FITTED), _RANDOM.choice(["Lyon", "Metz"], 80)])
    whole, days = _RANDOM.integers(0, 4, ROWS), _RANDOM.integers(18_000, 19_000, ROWS) * 86_400 + 3_600
    flags, reals = _RANDOM.random(ROWS) > 0.5, np.round(_RANDOM.normal(size=ROWS), 3)
    plain = {
        "whole": pa.array(whole),
        "small": pa.array(whole, pa.int32()),
        "real": pa.array(reals),
        "single": pa.array(_RANDOM.choice([0.5, 0.25, 4.0], ROWS), pa.float32()),
        "flag": pa.array(flags),
        "city": pa.array(cities),
        "day": pa.array(days).cast(pa.timestamp("s")).cast(pa.timestamp("us")),
    }
    some = {
        f"{name}_or_none": pa.array(values.to_pylist(), values.type, mask=holes[f"{name}_or_none"])
        for name, values in plain.items()
        if f"{name}_or_none" in TYPES
    }
    return pa.table({name: {**plain, **some}[name] for name in TYPES})


def value(frame):
    """A target with something of every column in it."""
    found = np.zeros(len(frame))
    for at, name in enumerate(frame.columns):
        codes, _ = pd.factorize(frame[name], use_na_sentinel=False)
        found += (at + 1) * np.sin(codes + at)
    return found


@dataclass(frozen=True)
class Case:
    """`dtype`: the columns are turned into it before they are fitted, and before they are given to `predict`."""

    columns: str
    estimator: object
    dtype: str | None = None
    kinds: tuple[str, ...] = ("parquet", "csv")

    @property
    def names(self):
        return self.columns.split()


ALL_NUMBERS = "whole whole_or_none small small_or_none real real_or_none single flag"
PLAIN_NUMBERS = "whole small real single flag"
GROUPS = "whole whole_or_none small_or_none flag flag_or_none city city_or_none"
HOT = OneHotEncoder(handle_unknown="ignore")
ORDINAL = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
FOREST = RandomForestRegressor(5, random_state=0)
BOOSTED = HistGradientBoostingRegressor(max_iter=15, min_samples_leaf=3)


def day_parts(frame):
    return pd.concat([frame[name].dt.month.rename(f"{name} month") for name in frame], axis=1).fillna(0)


def lengths(frame):
    return frame.fillna("").map(len)


def as_texts(frame):
    return frame.astype(str)


def first_letters(frame):
    return frame.apply(lambda column: column.str[0])


def _by_type():
    return make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include=np.number)),
        (HOT, make_column_selector(dtype_include=[object, bool])),
    )


CASES = {
    "mean imputed": Case(ALL_NUMBERS, make_pipeline(SimpleImputer(), Ridge())),
    "median imputed, with indicators": Case(
        ALL_NUMBERS, make_pipeline(SimpleImputer(strategy="median", add_indicator=True), Ridge())
    ),
    "nearest imputed": Case(ALL_NUMBERS, make_pipeline(KNNImputer(n_neighbors=2), Ridge())),
    "iteratively imputed": Case(ALL_NUMBERS, make_pipeline(IterativeImputer(max_iter=3, random_state=0), Ridge())),
    "missing indicated": Case(
        ALL_NUMBERS, make_pipeline(make_union(SimpleImputer(), MissingIndicator(features="all")), Ridge())
    ),
    "frequent imputed, encoded": Case(
        "city city_or_none", make_pipeline(SimpleImputer(strategy="most_frequent"), HOT, Ridge())
    ),
    "constant imputed, encoded": Case(
        "city city_or_none", make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), HOT, Ridge())
    ),
    "None imputed, encoded": Case(
        "city city_or_none",
        make_pipeline(SimpleImputer(missing_values=None, strategy="most_frequent"), HOT, Ridge()),
        kinds=("parquet",),
    ),
    "NA imputed, encoded": Case(
        "city city_or_none", make_pipeline(SimpleImputer(missing_values=pd.NA, strategy="most_frequent"), HOT, Ridge())
    ),
    "imputed with indicators, encoded": Case(
        "city city_or_none",
        make_pipeline(SimpleImputer(strategy="constant", fill_value="?", add_indicator=True), ORDINAL, Ridge()),
    ),
    "flags imputed": Case(
        "flag_or_none whole_or_none", make_pipeline(SimpleImputer(strategy="most_frequent"), HOT, Ridge())
    ),
    "one-hot": Case(GROUPS, make_pipeline(HOT, Ridge())),
    "one-hot, infrequent ones": Case(
        GROUPS, make_pipeline(OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=40), Ridge())
    ),
    "one-hot, without the first": Case(
        GROUPS, make_pipeline(OneHotEncoder(handle_unknown="ignore", drop="first"), Ridge())
    ),
    "one-hot of single precision": Case("single city", make_pipeline(HOT, Ridge())),
    "one-hot of times": Case(
        "day city", make_pipeline(ColumnTransformer([("h", HOT, ["day", "city"])]), Ridge()), kinds=("parquet",)
    ),
    "ordinal": Case(GROUPS, make_pipeline(ORDINAL, FOREST)),
    "target-encoded": Case(GROUPS, make_pipeline(TargetEncoder(random_state=0), FOREST)),
    "bins": Case(PLAIN_NUMBERS, make_pipeline(KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), Ridge())),
    "polynomials": Case(PLAIN_NUMBERS, make_pipeline(PolynomialFeatures(2), Ridge())),
    "splines": Case("real whole", make_pipeline(SplineTransformer(n_knots=3), Ridge())),
    "powers": Case("real whole", make_pipeline(PowerTransformer(), Ridge())),
    "quantiles": Case("real whole", make_pipeline(QuantileTransformer(n_quantiles=20), Ridge())),
    "components": Case(PLAIN_NUMBERS, make_pipeline(MaxAbsScaler(), PCA(2, random_state=0), Ridge())),
    "selected": Case(PLAIN_NUMBERS, make_pipeline(VarianceThreshold(), SelectKBest(f_regression, k=3), Ridge())),
    "rows normed": Case("real whole", make_pipeline(Normalizer(), Ridge())),
    "columns by type": Case(" ".join(name for name in TYPES if "day" not in name), make_pipeline(_by_type(), Ridge())),
    "columns by type, as frames": Case(
        " ".join(name for name in TYPES if "day" not in name),
        make_pipeline(
            _by_type()
            .set_params(
                sparse_threshold=0,
                transformers=[
                    (
                        "h",
                        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                        make_column_selector(dtype_include=[object, bool]),
                    )
                ],
                remainder=SimpleImputer(),
            )
            .set_output(transform="pandas"),
            Ridge(),
        ),
    ),
    "columns by name": Case(
        "city_or_none real whole_or_none",
        make_pipeline(
            ColumnTransformer(
                [("h", HOT, ["city_or_none"]), ("i", SimpleImputer(), ["whole_or_none"])], remainder="passthrough"
            ),
            Ridge(),
        ),
    ),
    "columns by place": Case(
        "city_or_none real whole_or_none",
        make_pipeline(
            ColumnTransformer([("h", HOT, [0]), ("i", SimpleImputer(), [2])], remainder=StandardScaler()), Ridge()
        ),
    ),
    "columns by mask": Case(
        "city_or_none real",
        make_pipeline(ColumnTransformer([("h", HOT, [True, False]), ("p", "passthrough", slice(1, 2))]), Ridge()),
    ),
    "columns in columns": Case(
        "city_or_none flag_or_none real",
        make_pipeline(
            ColumnTransformer(
                [
                    (
                        "n",
                        make_pipeline(ColumnTransformer([("h", HOT, [0])], remainder=ORDINAL), MaxAbsScaler()),
                        ["city_or_none", "flag_or_none"],
                    )
                ],
                remainder="passthrough",
            ),
            Ridge(),
        ),
    ),
    "imputed and handed on by name": Case(
        "city city_or_none real",
        make_pipeline(
            ColumnTransformer(
                [("i", SimpleImputer(strategy="constant", fill_value="?"), ["city_or_none"])], remainder="passthrough"
            ),
            ColumnTransformer([("h", HOT, [0, 1])], remainder="passthrough"),
            Ridge(),
        ),
    ),
    "a union": Case("city_or_none whole_or_none", make_pipeline(FeatureUnion([("h", HOT), ("o", ORDINAL)]), Ridge())),
    "days taken apart": Case(
        "day day_or_none", make_pipeline(FunctionTransformer(day_parts), Ridge()), kinds=("parquet",)
    ),
    "lengths of texts": Case("city city_or_none", make_pipeline(FunctionTransformer(lengths), Ridge())),
    "all as texts": Case("city city_or_none", make_pipeline(FunctionTransformer(as_texts), HOT, Ridge())),
    "first letters": Case("city city_or_none", make_pipeline(FunctionTransformer(first_letters), HOT, Ridge())),
    "logarithms": Case("whole small", make_pipeline(FunctionTransformer(np.log1p), Ridge())),
    "passed on": Case(PLAIN_NUMBERS, make_pipeline("passthrough", Ridge())),
    "boosted, missing as they are": Case(ALL_NUMBERS + " flag_or_none", BOOSTED),
    "boosted categories": Case(GROUPS, BOOSTED, dtype="category"),
    "boosted categories of numbers": Case("single whole_or_none small", BOOSTED, dtype="category"),
    "boosted categories by mask": Case(
        "whole real_or_none", HistGradientBoostingRegressor(max_iter=15, categorical_features=[True, False])
    ),
    "a search over a pipeline": Case(
        GROUPS, GridSearchCV(make_pipeline(HOT, Ridge()), {"ridge__alpha": [0.1, 1.0]}, cv=3)
    ),
    "a vote of pipelines": Case(
        GROUPS, VotingRegressor([("a", make_pipeline(HOT, Ridge())), ("b", make_pipeline(ORDINAL, FOREST))])
    ),
    "a stack of pipelines": Case(
        GROUPS, StackingRegressor([("a", make_pipeline(HOT, Ridge())), ("b", make_pipeline(ORDINAL, FOREST))], cv=3)
    ),
    "a bag of pipelines": Case(
        PLAIN_NUMBERS, BaggingRegressor(make_pipeline(StandardScaler(), Ridge()), 3, random_state=0)
    ),
    "a transformed target": Case(
        GROUPS,
        TransformedTargetRegressor(make_pipeline(HOT, LinearRegression()), func=np.arcsinh, inverse_func=np.sinh),
    ),
}
