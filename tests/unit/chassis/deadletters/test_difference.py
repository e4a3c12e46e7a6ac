from chassis.deadletters.difference import ABSENT, difference
from schemas.topics import MODEL_EVENTS
from tests.unit.chassis.conftest import promotion


def wrong(found):
    return {row.field: (row.there, row.wrong) for row in found.rows if row.wrong}


async def test_each_field_that_breaks_the_schema_is_shown_beside_what_is_wanted(world):
    letter = await world.buried(promotion(version="three", scope={"market": 5}), key=b"other")

    found = difference(letter)

    assert "isn't what ml.VersionPromotionRequested.v1 wants" in found.said
    assert wrong(found) == {
        "version": ('"three"', "must be a whole number"),
        "scope.market": ("5", "must be a string"),
        "(the record's key)": ("other", "is another subject"),
    }
    (version,) = [row for row in found.rows if row.field == "version"]
    assert version.wanted == "integer, ≥ 1, ≤ 2147483647"


async def test_a_field_that_is_missing_is_shown_as_absent(world):
    letter = await world.buried({"model_id": "demand", "version": 3})

    assert wrong(difference(letter)) == {"alias": (ABSENT, "is required")}


async def test_a_field_that_the_schema_does_not_know_is_named_and_is_not_wrong(world):
    letter = await world.buried(promotion(colour="red"))

    found = difference(letter)

    assert "what failed is its handling" in found.said
    assert ("colour", '"red"') in [(row.field, row.there) for row in found.rows]


async def test_an_unknown_type_is_told_its_nearest_ones(world):
    letter = await world.buried(promotion(), ce_type="ml.VersionPromotedRequest.v1")

    said = difference(letter).said

    assert said.startswith("ml.VersionPromotedRequest.v1 is in no catalogue")
    assert said.index("ml.VersionPromotionRequested.v1") < said.index("ml.Model")


async def test_a_type_on_the_wrong_topic_is_told_where_it_belongs(world):
    letter = await world.buried(promotion(), topic=MODEL_EVENTS)

    assert "belongs on ml.model.requests" in difference(letter).said


async def test_what_is_no_json_is_told_where_it_breaks(world):
    letter = await world.buried(b'{"model_id": demand}')

    assert "line 1 column 14" in difference(letter).said


async def test_what_was_too_large_is_told_its_size_and_the_limit(world):
    letter = await world.buried(b"[" * 600_000, code="too-large")

    assert difference(letter).said == "Its value was not kept whole (bytes: 600000); ml.model.requests takes 524288."
