"""Edges in one document and deployments in others, with a process that is stopped between them."""

import pytest

from chassis.errors import Refusal
from services.deployer.dependencies import DependencyUndecided
from services.deployer.domain.graph import Reservation

from .fakes import Deployer, Stopped, delivery
from .said import change, dataset, deployment, model


def stop() -> None:
    raise Stopped


@pytest.fixture
async def deployer() -> Deployer:
    """Knows deployments a, b and c, without edges."""
    made = Deployer().knows(model(), dataset())
    for each in "abc":
        await made.activate(deployment(deployment_id=f"{each}-x"), delivery())
    return made


def after(first: str, *others: str):
    return deployment(deployment_id=f"{first}-x", after=[f"{each}-x" for each in others])


async def stopped_at(deployer: Deployer, where: str, request, once) -> None:
    setattr(deployer.deployments, where, stop)
    with pytest.raises(Stopped):
        await deployer.activate(request, once)
    setattr(deployer.deployments, where, lambda: None)


async def cycle(deployer: Deployer, request) -> str:
    with pytest.raises(Refusal) as caught:
        await deployer.activate(request, delivery())
    assert caught.value.code == "dependency-cycle"
    return str(caught.value)


async def test_the_way_round_is_named(deployer):
    await deployer.activate(after("a", "b"), delivery())
    await deployer.activate(after("b", "c"), delivery())

    assert "c-x after a-x after b-x after c-x" in await cycle(deployer, after("c", "a"))
    assert (await deployer.deployments.load("c-x")).revision == 1


async def test_a_new_revision_takes_old_edges_away(deployer):
    await deployer.activate(after("a", "b"), delivery())
    await deployer.activate(after("a"), delivery())
    await deployer.activate(after("b", "a"), delivery())

    assert dict((await deployer.graphs.load()).settled) == {"b-x": ("a-x",)}


async def test_a_retired_deployment_waits_for_nothing(deployer):
    await deployer.activate(after("a", "b"), delivery())
    await deployer.change(change("retire", "a-x"), delivery())

    assert not (await deployer.graphs.load()).settled


async def test_half_of_a_cycle_waits_for_the_other_half_that_is_being_decided(deployer):
    once = delivery()
    await stopped_at(deployer, "before_save", after("a", "b"), once)

    with pytest.raises(DependencyUndecided):
        await deployer.activate(after("b", "a"), delivery())
    await deployer.activate(after("a", "b"), once)

    await cycle(deployer, after("b", "a"))


async def test_it_does_not_wait_for_ever(deployer):
    await stopped_at(deployer, "before_save", after("a", "b"), delivery())
    waiting = after("b", "a")
    for _ in range(3):
        with pytest.raises(DependencyUndecided):
            await deployer.activate(waiting, delivery())
        deployer.clock.pass_time(20)

    await cycle(deployer, waiting)


async def test_edges_of_a_request_that_was_refused_elsewhere_stand_in_nobodys_way(deployer):
    once = delivery()
    await stopped_at(deployer, "before_save", after("a", "b"), once)
    deployer.refused.keys.add(once.request_key)

    await deployer.activate(after("b", "a"), delivery())

    assert not (await deployer.graphs.load()).reserved


@pytest.mark.parametrize("is_granted", [True, False])
async def test_edges_that_were_reserved_under_a_key_of_before_go_with_their_request(deployer, is_granted):
    once = delivery()
    before = Reservation(request_key=once.request_key.former, deployment_id="a-x", after=("b-x",))
    await deployer.graphs.change(lambda graph: later(graph.reserve(before)))
    if is_granted:
        await deployer.activate(after("a", "b"), once)
    else:
        await deployer.dependencies.release(once.request_key)

    assert not (await deployer.graphs.load()).reserved


async def later(graph):
    return graph


async def test_what_was_saved_counts_before_its_request_comes_again(deployer):
    once = delivery()
    await stopped_at(deployer, "after_save", after("a", "b"), once)

    await cycle(deployer, after("b", "a"))
    await deployer.activate(after("a", "b"), once)

    graph = await deployer.graphs.load()
    assert (dict(graph.settled), graph.reserved) == ({"a-x": ("b-x",)}, ())


async def test_an_old_edge_that_was_just_taken_away_stands_in_nobodys_way(deployer):
    await deployer.activate(after("a", "b"), delivery())
    await stopped_at(deployer, "after_save", after("a"), delivery())

    await deployer.activate(after("b", "a"), delivery())


async def test_a_refusal_after_the_reservation_releases_it(deployer):
    def conflict() -> None:
        raise Refusal("somebody was faster")

    deployer.deployments.before_save = conflict
    with pytest.raises(Refusal):
        await deployer.activate(after("a", "b"), delivery())

    assert not (await deployer.graphs.load()).reserved
