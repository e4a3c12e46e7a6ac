"""The two models, as an upstream system describes them."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from examples.grocery.features import FEATURES


@dataclass(frozen=True)
class Recipe:
    """How one model is made, and what an upstream system says about it when it registers it."""

    model_id: str
    name: str
    description: str
    format: str
    file_name: str
    features: tuple[str, ...]
    output_type: str
    packages: tuple[str, ...]

    @property
    def signature(self) -> dict[str, Any]:
        inputs = [{"name": name, "type": "float", "required": True} for name in self.features]
        outputs = [{"name": "prediction", "type": self.output_type, "required": True}]
        return {"inputs": inputs, "outputs": outputs, "params": []}

    @property
    def requirements(self) -> list[str]:
        return [f"{package}=={version(package)}" for package in self.packages]


BOOSTED = Recipe(
    model_id="grocery-demand-boosted",
    name="Grocery demand, boosted trees",
    description="Units of a product that a store sells next week: gradient boosted trees with a Poisson loss.",
    format="sklearn",
    file_name="model.joblib",
    features=tuple(FEATURES),
    output_type="double",
    packages=("scikit-learn", "numpy", "joblib"),
)
NEURAL = Recipe(
    model_id="grocery-demand-neural",
    name="Grocery demand, neural network",
    description="Units of a product that a store sells next week: a network of two hidden layers on scaled features.",
    format="onnx",
    file_name="model.onnx",
    # A department's code is a name, not a quantity: trees split on it, a network would multiply it.
    features=tuple(name for name in FEATURES if name != "department_code"),
    output_type="float",
    packages=(),
)
RECIPES = (BOOSTED, NEURAL)
