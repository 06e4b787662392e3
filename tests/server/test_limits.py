"""Limits refuse what is above them, and give back what is over."""

from __future__ import annotations

import pytest

from affekt.server.limits import HeldBytes, Places, RequestRate, client_of
from affekt.server.problems import Problem


def test_a_place_is_given_back_whatever_happens() -> None:
    places = Places(1, "too many")
    with pytest.raises(KeyError), places.take():
        with pytest.raises(Problem, match="overloaded"), places.take():
            pass
        raise KeyError
    assert places.taken == 0


def test_bytes_have_a_limit_and_move_with_a_job() -> None:
    held = HeldBytes(10)
    with held.account() as first:
        first.add(8)
        with pytest.raises(Problem, match="overloaded"):
            first.add(3)
        taken = first.take()
    assert held.held == 8
    taken.release()
    assert held.held == 0


def test_each_client_has_its_own_requests() -> None:
    rate = RequestRate(2)
    assert rate.count("a")["RateLimit"].startswith('"minute";r=1;t=')
    rate.count("a")
    with pytest.raises(Problem, match="too-many-requests") as refused:
        rate.count("a")
    assert int(refused.value.headers["Retry-After"]) > 0
    rate.count("b")
    assert RequestRate(0).count("a") == {}


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::4", "2001:db8:1:2::/64"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_addresses_of_one_customer_count_together(address: str, client: str) -> None:
    assert client_of(address) == client
