from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from concentra.errors import AmountError
from concentra.metrics.checks import as_amounts, as_counts, as_whole


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int64, np.float32, np.float64])
def test_every_kind_of_number_becomes_float(kind: type) -> None:
    array = as_amounts(np.array([[1, 0], [1, 1]], dtype=kind))
    assert array.dtype == np.float64
    assert array.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    "wrong",
    [3.0, ["a", "b"], [1 + 2j], sparse.csr_matrix([[1, 2]]), [None, 1], np.array(["2020-01-01"], "M8[D]")],
)
def test_not_an_array_of_numbers(wrong: object) -> None:
    with pytest.raises(AmountError, match=r"(?s)shape.*array of real numbers.*fix: pass a list or a dense"):
        as_amounts(wrong)  # type: ignore[arg-type]


def test_the_first_of_several_is_named_and_the_rest_counted() -> None:
    with pytest.raises(AmountError, match=r"-2.0 at position \(0, 1\) of the amounts \(and 2 more\)"):
        as_amounts([[1, -2], [-3, -4]])


def test_signed_changes_are_told_what_to_do() -> None:
    with pytest.raises(AmountError, match=r"for signed changes take np.abs"):
        as_amounts([1, -2])
    with pytest.raises(AmountError, match=r"leave out a part that was not measured, an absent one is 0"):
        as_amounts([1, np.nan])


def test_counts_are_whole() -> None:
    assert as_counts([3.0, 0.0]).tolist() == [3.0, 0.0]
    with pytest.raises(
        AmountError, match=r"(?s)0.25 at position \(1, 0\).*whole numbers of cells.*pass counts"
    ):
        as_counts([[1, 2], [0.25, 3]])
    assert as_counts(np.array([0.5]), check=False).tolist() == [0.5]


def test_whole_arguments() -> None:
    assert as_whole(np.int32(4), "m") == 4
    assert type(as_whole(np.float64(4), "m")) is int
    assert as_whole(0, "m", at_least=0) == 0
