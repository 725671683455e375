"""The public resolvers that stand in the program are asked as they should be: in a network namespace
of its own, where their addresses lead to servers of ours and nothing leads outside."""
import json
import pathlib
import subprocess
import sys

import pytest

from conftest import MOORING

INNER = pathlib.Path(__file__).with_name("public_names.py")
NAMESPACE = ["unshare", "--net"]


@pytest.fixture(scope="module")
def said():
    if subprocess.run([*NAMESPACE, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no network namespace of one's own may be made here: it takes root")
    done = subprocess.run([*NAMESPACE, sys.executable, INNER, MOORING], text=True,
                          stdout=subprocess.PIPE, timeout=110)
    assert done.returncode == 0, done.stdout
    return {case["title"]: case for case in map(json.loads, done.stdout.splitlines())}


def answered(case):
    return said_by(case, "ok")


def said_by(case, word):
    return [row["resolver"] for row in case["asked"] if row["type"] == "SRV" and row["said"] == word]


@pytest.mark.parametrize("fallback", ["off", "listed"])
def test_nobody_public_is_asked(said, fallback):
    case = said[fallback]
    assert (case["public"], case["status"]) == (0, 2), case
    assert "could not be looked up" in case["error"]


def test_the_first_plain_one_answers(said):
    assert (answered(said["plain"]), said["plain"]["status"]) == (["8.8.8.8:53"], 0)


def test_over_tls_where_plain_ones_are_silent(said):
    assert answered(said["TLS"]) == ["tls://1.1.1.1:853#one.one.one.one"]
    assert said["TLS"]["status"] == 0


def test_over_https_where_port_853_is_closed(said):
    case = said["HTTPS"]
    assert answered(case) == ["https://9.9.9.9:443/dns-query#dns.quad9.net"]
    assert "tls://1.1.1.1:853#one.one.one.one" in said_by(case, "conn_refused")


def test_both_families_are_asked(said):
    asked = {row["resolver"] for row in said["HTTPS"]["asked"]}
    assert {"8.8.8.8:53", "9.9.9.9:53", "tls://[2620:fe::fe]:853#dns.quad9.net"} < asked
