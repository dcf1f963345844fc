"""The HTTP interface listens for this machine alone, and says in a sentence why it cannot."""

import pytest

from sync_system.cli.web import loopback, take_port
from sync_system.errors import ConfigurationError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_alone_reaches_loopback(host):
    assert loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "sync.example.com"])
def test_other_addresses_are_reached_from_outside(host):
    assert not loopback(host)


def test_port_in_use_is_one_sentence():
    with take_port("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"cannot listen on 127\.0\.0\.1:{port} .*in use"):
            take_port("127.0.0.1", port)


def test_other_machines_are_refused_without_accounts():
    with pytest.raises(ConfigurationError, match="no accounts yet"):
        take_port("0.0.0.0", 0)
