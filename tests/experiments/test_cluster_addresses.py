"""Tokens and names of persons go to a cluster beyond this machine in no other way than by TLS."""

from __future__ import annotations

import pytest

from lpnb import InvalidValueError
from lpnb.experiments.runs.options import check_cluster


@pytest.mark.parametrize("scheme", ["tcp", "ws", "ucx"])
@pytest.mark.parametrize("host", ["scheduler", "10.0.0.5", "127.0.0.1.example.com", "[::2]", "localhost.a"])
def test_an_address_in_the_clear_beyond_this_machine_is_refused_with_the_risk(scheme, host):
    with pytest.raises(InvalidValueError) as caught:
        check_cluster(f"{scheme}://{host}:8786")

    assert str(caught.value) == (
        f"cluster must be reached by tls:// beyond this machine: {scheme}:// would carry tokens and personal "
        f"values in the clear, and whoever reaches the scheduler runs code there; got '{scheme}://{host}:8786'."
    )


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786", "tls://scheduler:8786", "wss://a:1"],
)
def test_tls_and_this_machine_are_taken(address):
    check_cluster(address)
