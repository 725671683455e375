"""Every named client, straight to the server and through the proxy, connected in every way."""
import os
import time

import pytest

import clients_run

# name: options of the URI, words for the client
VARIANTS = {
    "plain": ("", ()),
    "directConnection": ("directConnection=true", ()),
    "serverApi": ("", ("strictApi",)),
    "retryWrites": ("retryWrites=true", ()),
    "noRetryWrites": ("retryWrites=false", ()),
}
client = pytest.mark.parametrize("client", clients_run.ALL, ids=lambda c: c.name)
variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.fixture
def direct(atlas):
    """Addresses, since the drivers' own resolver knows no `.test` names."""
    return atlas.direct_uri()


def through(mooring, options=""):
    return f"mongodb://127.0.0.1:{mooring.port}/?{options}".rstrip("?")


@pytest.mark.parametrize("variant", ["plain", "serverApi"])
@client
def test_operations_directly(client, variant, direct):
    options, words = VARIANTS[variant]
    clients_run.check(client, f"{direct}&{options}".rstrip("&"), "operations", *words,
                      direct=direct)


@variant
@client
def test_operations_through_mooring(client, variant, start, direct):
    options, words = VARIANTS[variant]
    clients_run.check(client, through(start(), options), "operations", *words, direct=direct)


@client
def test_large_directly(client, direct):
    clients_run.check(client, direct, "large", direct=direct)


@client
def test_large_through_mooring(client, start, direct):
    clients_run.check(client, through(start()), "large", direct=direct)


def cpu_seconds(process):
    """Processor time that a process has used."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@client
def test_idle_clients_cost_nothing(client, start, direct):
    mooring = start()
    before, began = cpu_seconds(mooring.process), time.monotonic()
    clients_run.check(client, through(mooring), "idle", direct=direct)
    used, passed = cpu_seconds(mooring.process) - before, time.monotonic() - began
    assert used < 0.2 * passed, f"the proxy used {used} s of {passed} s"
