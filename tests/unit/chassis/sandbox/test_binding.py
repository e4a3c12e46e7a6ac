"""A model's input is the column of that name, whatever its library makes of names."""

import pytest

from chassis.sandbox.child.binding import ModelUnsupported, SignatureMismatch, bind


def underscored(name: str) -> str:
    return name.replace(" ", "_")


def test_inputs_are_found_by_their_names_in_any_order():
    assert bind(["a", "b", "c"], ["c", "a"], 2).positions == (2, 0)


def test_a_model_without_names_goes_by_place_and_says_so():
    binding = bind(["a", "b"], None, 2)

    assert binding.positions == (0, 1)
    assert binding.known_as == (("a", "#1"), ("b", "#2"))


@pytest.mark.parametrize("names", [["f0", "f1"], ["Column_0", "Column_1"], ["x0", "x1"], ["feature_0", "feature_1"]])
def test_names_that_a_library_made_up_are_places(names):
    assert bind(["a", "b"], names, 2).positions == (0, 1)


def test_a_column_that_is_really_called_f1_is_that_column():
    assert bind(["f1", "f0"], ["f0", "f1"], 2).positions == (1, 0)


def test_another_number_of_places_is_refused():
    with pytest.raises(SignatureMismatch, match="requires 3 and the signature has 2"):
        bind(["a", "b"], None, 3)


def test_a_rewritten_name_is_found_and_shown():
    binding = bind(["unit price", "week"], ["unit_price", "week"], 2, rewritten=underscored)

    assert binding.positions == (0, 1)
    assert binding.known_as == (("unit price", "unit_price"),)


def test_a_name_that_two_columns_would_be_rewritten_to_is_refused():
    with pytest.raises(SignatureMismatch, match="unit_price may be any of unit price, unit_price"):
        bind(["unit price", "unit_price"], ["unit_price"], 1, rewritten=underscored)


def test_an_input_that_the_signature_lacks_is_named():
    with pytest.raises(SignatureMismatch, match="requires stock, which"):
        bind(["price"], ["price", "stock"], 2)


def test_two_inputs_of_one_name_are_refused():
    with pytest.raises(ModelUnsupported, match="two inputs of the model are called price"):
        bind(["price", "stock"], ["price", "price"], 2)


def test_a_column_whose_rewritten_name_is_a_made_up_one_is_that_column():
    assert bind(["Column 1", "Column 0"], ["Column_0", "Column_1"], 2, rewritten=underscored).positions == (1, 0)
