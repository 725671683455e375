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
    return [row[2] for row in case["table"] if row[0] == "SRV" and row[3] == "ok"]


@pytest.mark.parametrize("fallback", ["off", "listed"])
def test_nobody_public_is_asked(said, fallback):
    case = said[fallback]
    assert (case["asked"], case["status"]) == (0, 2), case
    assert "could not be looked up" in case["error"]


def test_the_first_plain_one_answers(said):
    assert (answered(said["plain"]), said["plain"]["status"]) == (["8.8.8.8:53"], 0)


def test_over_tls_where_plain_ones_are_silent(said):
    assert answered(said["TLS"]) == ["tls://1.1.1.1:853#one.one.one.one"]
    assert said["TLS"]["status"] == 0


def test_over_https_where_port_853_is_closed(said):
    case = said["HTTPS"]
    assert answered(case) == ["https://9.9.9.9:443/dns-query#dns.quad9.net"]
    assert ["SRV", "_mongodb._tcp.cluster0.pocket.test", "tls://1.1.1.1:853#one.one.one.one",
            "conn_refused"] in case["table"]


def test_both_families_are_asked(said):
    asked = {row[2] for row in said["HTTPS"]["table"]}
    assert {"8.8.8.8:53", "1.1.1.1:53", "9.9.9.9:53"} < asked
