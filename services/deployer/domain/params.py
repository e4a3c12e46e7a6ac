"""A deployment's parameters against the signature's."""

from collections.abc import Iterator, Mapping

from schemas.refusals import Violation
from schemas.scalars import ParamValue
from schemas.signature import ParamField, Signature
from services.deployer.domain.errors import ParameterInvalid


def ensure_valid(given: Mapping[str, ParamValue], signature: Signature) -> None:
    """Raises: ParameterInvalid."""
    wrong = list(_wrong(given, {each.name: each for each in signature.params}))
    if wrong:
        raise ParameterInvalid(f"{len(wrong)} parameters don't fit the model's signature", violations=wrong)


def _wrong(given: Mapping[str, ParamValue], known: Mapping[str, ParamField]) -> Iterator[Violation]:
    for name, value in given.items():
        if name not in known:
            yield Violation(field=f"params.{name}", message="is no parameter of the model")
        elif not known[name].accepts(value):
            yield Violation(field=f"params.{name}", message=f"must be of type {known[name].type}")
    for name, param in known.items():
        if name not in given and param.required and param.default is None:
            yield Violation(field=f"params.{name}", message="is required and has no default")
