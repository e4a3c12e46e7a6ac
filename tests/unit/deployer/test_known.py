"""What the deployer remembers of the registry's facts."""

from schemas.datasets import DatasetRetired
from schemas.known_datasets import fold_dataset
from schemas.models import ModelArchived, ModelRegistrationMatched
from services.deployer.known import fold_model

from .said import dataset, model, promoted, signature


def folded(fold, *facts):
    known = {}
    for fact in facts:
        known = fold(known, fact)
    return known


def test_a_signature_that_versions_share_is_kept_once():
    other = signature(params=[{"name": "a", "type": "long", "required": False}])
    known = folded(
        fold_model, model(), model(version=2, signature=other), model(version=3), model(version=4, signature=None)
    )

    assert [each["signature"] for each in known["versions"]] == [0, 1, 0, None]
    assert len(known["signatures"]) == 2


def test_no_name_that_an_outsider_chose_becomes_a_fields_name():
    strange = [{"name": "$where.x", "type": "double", "required": True}]
    known = folded(fold_model, model(tags={"a.$b": "c"}, card={"$ref": 1}, signature=signature(inputs=strange)))

    assert set(known) == {
        "model_id", "markets", "brands", "versions", "signatures", "aliases", "archived",
    }  # fmt: skip
    assert isinstance(known["signatures"][0], str)


def test_an_archived_version_stays_known():
    known = folded(
        fold_model,
        model(),
        model(version=2),
        ModelArchived(model_id="demand", version=1, archived_by="a", request_id="r"),
    )

    assert [each["archived"] for each in known["versions"]] == [True, False]


def test_a_fact_that_says_nothing_new_changes_nothing():
    before = folded(fold_model, model(), promoted(1))
    assert fold_model(before, ModelRegistrationMatched(model_id="demand", version=1, request_id="r")) == before


def test_registering_again_puts_a_data_set_back_into_use():
    retired = folded(fold_dataset, dataset(), DatasetRetired(dataset_id="sales", request_id="r"))
    assert retired["retired"]
    assert not fold_dataset(retired, dataset())["retired"]
