"""mooring check --tier M10 --replicas 40: whether a deployment fits what its tier of Atlas admits."""
import subprocess

import pytest

from conftest import MOORING

URI = "mongodb://127.0.0.1:1/"


def check(*arguments):
    said = subprocess.run([MOORING, "check", URI, *arguments], capture_output=True, text=True,
                          timeout=20)
    assert "Sanitizer" not in said.stderr and "runtime error" not in said.stderr
    return said


@pytest.mark.parametrize("arguments, status, words", [
    (["--tier", "M10", "--replicas", "3"], 0, ["66 connections to a node at most"]),
    (["--tier=m30", "--replicas=100"], 0, ["2200 connections", "2392 are planned for"]),
    (["--tier", "M10"], 0, ["(1 replica ×"]),
    (["--tier", "M30", "--replicas", "110"], 1, ["LIM-01", "with pool.maxPoolSize 19 it fits",
                                                 "with 108 replicas"]),
    (["--tier", "M10", "--replicas", "40", "--pool.maxPoolSize=100"], 2,
     ["LIM-01: 4080 connections", "1490", "pool.maxPoolSize 27", "11 replicas"]),
    (["--tier", "M10", "--replicas", "40"], 1,
     ["LIM-02: 200 new connections a second", "15 that M10 admits", "one after the other", "8 s"]),
    (["--tier", "M20", "--replicas", "5"], 1, ["pool.connectsPerSecond 3 it fits"]),
    (["--tier", "M10", "--pool.connectsPerSecond=0"], 1, ["LIM-02", "sets no limit"]),
    (["--tier", "M10", "--replicas", "40", "--pool.maxPoolSize=100",
      "--pool.maxTotalConnections=30", "--pool.connectsPerSecond=1"], 1,
     ["LIM-01: 1200 connections", "pool.maxTotalConnections 30 was counted"]),
])
def test_budget(arguments, status, words):
    said = check(*arguments)
    text = said.stdout + said.stderr
    assert said.returncode == status, text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("arguments, words", [
    (["--tier", "M11"], "M10, M20, M30"),
    (["--replicas", "3"], "--tier M10"),
    (["--tier", "M10", "--replicas", "0"], "from 1 to"),
    (["--tier", "M10", "--replicas", "many"], "from 1 to"),
])
def test_mistakes(arguments, words):
    said = check(*arguments)
    assert said.returncode == 2 and words in said.stderr, said
