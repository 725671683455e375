"""mooring explain, encode, and the marks of check: what they print, how they end, and that no secret is in it."""
import json
import os
import pty
import subprocess

import pytest

from conftest import MOORING

ATLAS = "cluster0.ab123.mongodb.net"
NODE = "ac-abcdefg-shard-00-00.ab123.mongodb.net:27017"


def mooring(*arguments, text=""):
    bare = {k: v for k, v in os.environ.items() if not k.startswith("MOORING_")}
    return subprocess.run([MOORING, *arguments], input=text, capture_output=True, text=True,
                          timeout=20, env=bare)


# --- explain

def test_the_first_line_names_the_layer():
    said = mooring("explain", "Error: querySrv ECONNREFUSED _mongodb._tcp." + ATLAS)
    first = said.stdout.splitlines()[0]
    assert said.returncode == 0
    assert first.startswith("likely: DNS: ") and first.endswith("[DNS-01]"), said.stdout
    assert "not port 27017, not the access list and not the password" in said.stdout
    assert f"host: {ATLAS}" in said.stdout and "the text is of: Node driver" in said.stdout


def test_a_text_from_standard_input():
    trace = "Traceback (most recent call last):\n" + "  File \"x.py\", line 1\n" * 200
    error = "pymongo.errors.OperationFailure: bad auth : Authentication failed., full error: {}\n"
    for arguments in ((), ("-",)):
        said = mooring("explain", *arguments, text=trace + error)
        assert said.returncode == 0
        assert said.stdout.startswith("likely: login: ") and "[AUTH-01]" in said.stdout


def test_several_words_need_no_quotes():
    said = mooring("explain", "connect", "ECONNREFUSED", "::1:27017")
    assert "[LOC-02]" in said.stdout.splitlines()[0]


def test_an_unknown_text_ends_with_1():
    for arguments, text in ((("all is well",), ""), ((), ""), (("-",), "\0\xff\n")):
        said = mooring("explain", *arguments, text=text)
        assert said.returncode == 1
        assert said.stdout.startswith("not recognised: ") and "mooring doctor" in said.stdout


def test_an_id():
    said = mooring("explain", "tls-02")
    assert said.returncode == 0 and said.stdout.startswith("certain: TLS: ")
    assert mooring("explain", "TLS-99").returncode == 1


def test_json():
    said = json.loads(mooring("explain", "--json",
                              "connect ECONNREFUSED 127.0.0.1:27017\nbad auth").stdout)
    first, last = said["findings"][0], said["findings"][-1]
    assert said["recognised"] and first["id"] == "LOC-01" and first["first"]
    assert first["evidence"]["address"] == "127.0.0.1" and first["evidence"]["port"] == "27017"
    assert last["first"] is False and last["evidence"] == {}
    assert isinstance(first["fix"], list) and first["confidence"] == "likely"
    assert json.loads(mooring("explain", "--json", "x").stdout)["recognised"] is False


def test_the_list():
    lines = mooring("explain", "--list").stdout.splitlines()
    assert len(lines) == 104 and lines[0].startswith("URI-01 ")
    assert len(json.loads(mooring("explain", "--list", "--json").stdout)["findings"]) == 104


def test_a_connection_string():
    said = mooring("explain", f"mongodb://app:secret@{ATLAS}/?tls=true")
    assert said.returncode == 0 and "[URI-06]" in said.stdout.splitlines()[0]
    good = mooring("explain", f"mongodb+srv://app:secret@{ATLAS}/")
    assert good.returncode == 0 and "no mistake" in good.stdout and "no database" in good.stdout
    assert "no database" not in mooring("explain", f"mongodb+srv://app:x@{ATLAS}/shop").stdout


def test_a_connection_string_in_a_text():
    said = mooring("explain", f'client = MongoClient("mongodb+srv://app:se+cret@{ATLAS}/")\n'
                              "MongoServerError: bad auth : authentication failed")
    assert "[AUTH-01]" in said.stdout.splitlines()[0] and "(URI-03b)" in said.stdout


@pytest.mark.parametrize("password", ["xyzzyplugh", "xyzzy@plugh", "xyzzy plugh",
                                      "'xyzzyplugh'", "12 34", "xyzzy:plugh", "xyzzy/plugh",
                                      "xyzzy?plugh"])
def test_no_password_is_printed(password):
    text = f"cannot reach mongodb://app:{password}@db.example.test:27017/x: connect ETIMEDOUT"
    for flags in ((), ("--json",)):
        said = mooring("explain", *flags, text)
        assert said.returncode == 0
        for part in ("xyzzy", "plugh", "12", "34"):
            assert part not in said.stdout + said.stderr, said.stdout


# --- check

@pytest.mark.parametrize("name,uri", [
    ("URI-01", "mongo://app:secret@db.example.test/"),
    ("URI-01", '"mongodb://app:secret@db.example.test/"'),
    ("URI-02", "mongodb://app:p@ss@db.example.test/"),
    ("URI-03", "mongodb://app:p%2540ss@db.example.test/"),
    ("URI-03b", "mongodb://app:p+ss@db.example.test/"),
    ("URI-04", f"mongodb+srv://app:<password>@{ATLAS}/"),
    ("URI-05", f"mongodb+srv://app:secret@{ATLAS}:27017/"),
    ("URI-06", f"mongodb://app:secret@{ATLAS}/?tls=true"),
    ("URI-07", "mongodb+srv://app:secret@cluster0-shard-00-00.ab123.mongodb.net/"),
    ("URI-08", f"mongodb+srv://app:secret@{ATLAS}/retryWrites=true"),
    ("URI-09", f"mongodb://app:secret@{NODE}/shop?tls=true"),
    ("URI-11", f"mongodb+srv://app:secret@{ATLAS}/?tls=false"),
    ("URI-12", f"mongodb://app:secret@{NODE}/?tls=true&directConnection=true"),
    ("URI-13", "mongodb+srv://app:secret@cluster0-ab123.mongodb.net/"),
    ("URI-14", "mongodb+srv://app:secret@198.51.100.7/"),
])
def test_check_marks_the_mistake(name, uri):
    said = mooring("check", f"--upstream.uri={uri}")
    lines = said.stderr.splitlines()
    at = next((i for i, line in enumerate(lines) if f"({name})" in line), None)
    assert at is not None, said.stderr
    assert "secret" not in said.stderr and "p@ss" not in said.stderr
    if "mongodb" in uri:
        column = int(lines[at].split("column ")[1].split(":")[0])
        assert lines[at + 1].startswith("    ") and lines[at + 2].lstrip(" ~").startswith("^")
        shift = 1 if lines[at + 1].startswith("    …") else 0
        if not shift:
            assert lines[at + 2].index("^") == 4 + column - 1


def test_an_option_that_is_misspelt():
    said = mooring("check", f"mongodb+srv://app:secret@{ATLAS}/?retryWrite=true")
    assert "did you mean retryWrites?" in said.stderr and "^~~~~~~~~~~~~~~" in said.stderr


# --- encode

@pytest.mark.parametrize("password,encoded", [
    ("p@ssw0rd'9'!", "p%40ssw0rd%279%27%21"),
    ("a b+c", "a%20b%2Bc"),
    ("Az09-._~", "Az09-._~"),
    ("ü€", "%C3%BC%E2%82%AC"),
    ("two\nlines\n", "two%0Alines"),
    ("a\n\n", "a%0A"),
    ("%41", "%2541"),
])
def test_encode(password, encoded):
    said = mooring("encode", text=password)
    assert (said.stdout, said.stderr, said.returncode) == (encoded + "\n", "", 0)


def test_encode_refuses_what_is_no_password():
    for given, words in ((b"\xff\xfe", "UTF-8"), (b"", "no password"), (b"a\0b", "zero byte"),
                         (b"x" * 70000, "64 KiB")):
        said = subprocess.run([MOORING, "encode"], input=given, capture_output=True, timeout=20)
        assert said.returncode == 2 and said.stdout == b"" and words in said.stderr.decode()
    said = mooring("encode", "swordfish")
    assert said.returncode == 2 and "swordfish" not in said.stdout + said.stderr


def test_encode_does_not_show_the_password_on_a_terminal():
    leader, follower = pty.openpty()
    process = subprocess.Popen([MOORING, "encode"], stdin=follower, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert process.stderr.read(10) == b"password: "
    os.write(leader, b"p@ss\n")
    assert process.stdout.read() == b"p%40ss\n"
    assert process.wait(20) == 0
    process.stderr.close()
    process.stdout.close()
    os.set_blocking(leader, False)
    try:
        shown = os.read(leader, 1000)
    except BlockingIOError:
        shown = b""
    assert b"p@ss" not in shown
    os.close(leader)
    os.close(follower)
