"""What a model raised, as its owner reads it."""

import resource

import pytest

from chassis.sandbox.child.failing import in_words


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        __import__("no_such_package")
    assert in_words(caught.value) == (
        "the model needs the package no_such_package, which the model environment does not have"
        " (a version's requirements are not installed yet)"
    )


@pytest.mark.parametrize(("detail", "end"), [("", ""), ("Unable to allocate 8 GiB", ": Unable to allocate 8 GiB")])
def test_a_memory_limit_is_told_with_its_setting(monkeypatch: pytest.MonkeyPatch, detail: str, end: str) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (512 << 20, 512 << 20))
    reached = "the sandbox's memory limit of 512 MB was reached (MLP_SANDBOX_MEMORY_BYTES)"
    assert in_words(MemoryError(detail)) == reached + end


def test_memory_without_a_limit_is_just_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert in_words(MemoryError()) == "out of memory"


def test_anything_else_is_told_by_its_name_and_its_words() -> None:
    assert in_words(ValueError("no")) == "ValueError: no"
    assert in_words(ValueError()) == "ValueError"
