"""Cards are found whatever form their number was written down in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.card_number import SIZES, forms, is_surely_hexadecimal, spellings

numbers = st.sampled_from(SIZES).flatmap(lambda size: st.binary(min_size=size, max_size=size)).filter(any)


def all_forms(number: bytes) -> list[str]:
    width = len(str(256 ** len(number) - 1))
    both = (number, number[::-1])
    return [each.hex().upper() for each in both] + [f"{int.from_bytes(each, 'big'):0{width}d}" for each in both]


@pytest.mark.feature("F-TAG-1")
@given(numbers)
def test_every_form_of_a_card_has_every_other_among_its_spellings(number: bytes) -> None:
    texts = all_forms(number)
    for text in texts:
        assert set(texts) <= set(spellings(text)), text


@given(numbers, st.sampled_from([":", " ", "-"]))
def test_separators_and_small_letters_do_not_matter(number: bytes, separator: str) -> None:
    assert spellings(f" {number.hex(separator)} ") == spellings(number.hex())


@given(numbers)
def test_the_forms_shown_are_those_of_the_number(number: bytes) -> None:
    shown = [[getattr(each, name) for name in each.__struct_fields__] for each in forms(number.hex())]
    texts = all_forms(number)
    assert shown[0] == texts


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    assert len(spellings(text)) <= 6 * (1 + len(SIZES))
    is_surely_hexadecimal(text)


def test_a_number_as_it_is_printed() -> None:
    (only,) = forms("04A2B3C4")
    assert (only.hexadecimal_reversed, only.decimal, only.decimal_reversed) == ("C4B3A204", "0077771716", "3300106756")
    assert "77771716" in spellings("04A2B3C4")
    seven = forms("04A2B3C4D5E680")[0]
    assert (seven.decimal, seven.decimal_reversed) == ("01304792892040832", "36282602821493252")


def test_digits_may_be_either_and_letters_may_not() -> None:
    assert len(forms("12345678")) == 5
    assert not is_surely_hexadecimal("12345678")
    assert is_surely_hexadecimal("04a2b3c4")
    for text in ("", "TAG1", "1234567", "0000000000", "A" * 12, "9" * 26, "٠١٢٣٤٥٦٧"):
        assert forms(text) == () or text == "A" * 12
