from hypothesis import given
from hypothesis import strategies as st

from schemas.aliases import Alias, point, resolve
from schemas.values import AliasScope

scopes = st.builds(
    AliasScope, market=st.none() | st.sampled_from(["FR", "DE"]), brand=st.none() | st.sampled_from(["Nord", "Süd"])
)
promotions = st.lists(
    st.builds(Alias, alias=st.sampled_from(["champion", "challenger"]), scope=scopes, version=st.integers(1, 9)),
    max_size=12,
)


def _alias(version: int, **scope: str) -> Alias:
    return Alias(alias="champion", scope=AliasScope(**scope), version=version)


ALL = (_alias(1), _alias(2, brand="Nord"), _alias(3, market="FR"), _alias(4, market="FR", brand="Nord"))


def test_the_narrowest_scope_wins():
    assert resolve(ALL, "champion", market="FR", brand="Nord") == 4
    assert resolve(ALL, "champion", market="FR", brand="Süd") == 3
    assert resolve(ALL, "champion", market="FR") == 3
    assert resolve(ALL, "champion", market="DE", brand="Nord") == 2
    assert resolve(ALL, "champion", market="DE") == 1


def test_a_market_is_narrower_than_a_brand():
    assert resolve(ALL[:3], "champion", market="FR", brand="Nord") == 3


def test_an_alias_that_holds_elsewhere_points_nowhere():
    assert resolve(ALL[1:], "champion", market="DE") is None
    assert resolve(ALL, "challenger", market="FR") is None


@given(promotions)
def test_the_last_promotion_in_a_scope_is_where_it_points(promoted):
    aliases: tuple[Alias, ...] = ()
    for each in promoted:
        aliases = point(aliases, each)
    last = {(each.alias, each.scope.market, each.scope.brand): each.version for each in promoted}
    assert {(each.alias, each.scope.market, each.scope.brand): each.version for each in aliases} == last


@given(promotions, st.randoms())
def test_the_order_of_promotions_in_different_scopes_leaves_no_trace(promoted, random):
    distinct = list({(each.alias, each.scope.market, each.scope.brand): each for each in promoted}.values())
    shuffled = list(distinct)
    random.shuffle(shuffled)
    one: tuple[Alias, ...] = ()
    for each in distinct:
        one = point(one, each)
    other: tuple[Alias, ...] = ()
    for each in shuffled:
        other = point(other, each)
    assert one == other
