"""What the deployer remembers of the registry's facts."""

from schemas.datasets import DatasetRetired
from schemas.known_datasets import fold_dataset
from schemas.models import ModelArchived, ModelRegistrationMatched
from services.deployer.domain.model import KnownModel
from services.deployer.known import VERSIONS, Models, fold_model, fold_version

from .said import dataset, model, promoted, signature


def folded(fold, *facts):
    known = {}
    for fact in facts:
        known = fold(known, fact)
    return known


def test_a_model_does_not_grow_with_its_versions():
    one = folded(fold_model, model(), promoted(1))
    assert folded(fold_model, model(), *[model(version=number) for number in range(2, 50)], promoted(1)) == one


def test_no_name_that_an_outsider_chose_becomes_a_fields_name():
    strange = [{"name": "$where.x", "type": "double", "required": True}]
    fact = model(tags={"a.$b": "c"}, card={"$ref": 1}, signature=signature(inputs=strange))

    assert set(folded(fold_model, fact)) == {"model_id", "markets", "brands", "aliases", "archived"}
    known = folded(fold_version, fact)
    assert set(known) == {"model_id", "number", "format", "signature", "archived"}
    assert isinstance(known["signature"], str)


def test_an_archived_version_stays_known_whenever_it_is_heard_of():
    archived = ModelArchived(model_id="demand", version=1, archived_by="a", request_id="r")

    assert folded(fold_version, model(), archived)["archived"] is True
    assert folded(fold_version, model())["archived"] is False
    assert [VERSIONS.part_of(each) for each in (model(version=2), archived, promoted(1))] == ["2", "1", None]


async def test_a_model_of_before_gives_its_versions_documents_of_their_own():
    signatures = [text(model()), text(model(signature=signature(inputs=[])))]
    versions = [
        {"number": 1, "format": "onnx", "signature": 0, "archived": True},
        {"number": 2, "format": "onnx", "signature": None, "archived": False},
        {"number": 3, "format": "onnx", "signature": 1, "archived": False},
    ]
    common = {"model_id": "demand", "markets": ["FR"], "brands": [], "aliases": [], "archived": False}

    kept, parts = VERSIONS.former({**common, "versions": versions, "signatures": signatures})

    models = Models(Kept(kept, parts))
    assert await models.get("demand") == KnownModel(model_id="demand", markets=("FR",), brands=())
    known = [await models.version("demand", number) for number in (1, 2, 3, 4)]
    assert [each and (each.number, each.signature, each.archived) for each in known] == [
        (1, signatures[0], True), (2, None, False), (3, signatures[1], False), None,
    ]  # fmt: skip


def text(fact) -> str:
    return fact.signature.model_dump_json()


class Kept:
    """A replica's documents as they are."""

    def __init__(self, model, parts) -> None:
        self._model, self._parts = model, parts

    async def get(self, key):
        return self._model

    async def part(self, key, part):
        return self._parts.get(part)


def test_a_fact_that_says_nothing_new_changes_nothing():
    before = folded(fold_model, model(), promoted(1))
    assert fold_model(before, ModelRegistrationMatched(model_id="demand", version=1, request_id="r")) == before


def test_registering_again_puts_a_data_set_back_into_use():
    retired = folded(fold_dataset, dataset(), DatasetRetired(dataset_id="sales", request_id="r"))
    assert retired["retired"]
    assert not fold_dataset(retired, dataset())["retired"]
