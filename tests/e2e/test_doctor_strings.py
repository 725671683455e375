"""mooring doctor on mistakes in the connection string: the finding is first, whatever fails later."""
import pytest

from doctor import doctor  # noqa: F401 (a fixture)

ATLAS = "cluster0.ab123.mongodb.net"
NODE = "ac-abcdefg-shard-00-00.ab123.mongodb.net:27017"


def finds(doctor, name, uri):
    said = doctor.finds(name, uri=f"--upstream.uri={uri}")
    assert "secret" not in said.out + said.err and "p@ss" not in said.out + said.err
    return said


@pytest.mark.parametrize("name,uri", [
    ("URI-01", "mongo://app:secret@db.example.test/"),
    ("URI-01", '"mongodb://app:secret@db.example.test/"'),
    ("URI-02", "mongodb://app:p@ss@db.example.test/"),
    ("URI-05", f"mongodb+srv://app:secret@{ATLAS}:27017/"),
    ("URI-05", "mongodb+srv://app:secret@a.example.test,b.example.test/"),
    ("URI-12", f"mongodb+srv://app:secret@{ATLAS}/?directConnection=true"),
    ("TOPO-07", "mongodb://a.test,b.test/?loadBalanced=true"),
])
def test_a_string_that_cannot_be_read(doctor, name, uri):
    said = finds(doctor, name, uri)
    assert said.json["findings"][0]["confidence"] == "certain"
    assert said.seconds < 2


@pytest.mark.parametrize("name,uri", [
    ("URI-04", f"mongodb+srv://app:<password>@{ATLAS}/"),
    ("URI-04", "mongodb+srv://app:secret@cluster0.xxxxx.mongodb.net/"),
    ("URI-06", f"mongodb://app:secret@{ATLAS}/?tls=true"),
    ("URI-07", "mongodb+srv://app:secret@cluster0-shard-00-00.ab123.mongodb.net/"),
    ("URI-11", f"mongodb+srv://app:secret@{ATLAS}/?tls=false"),
    ("URI-14", "mongodb+srv://app:secret@127.0.0.1/"),
])
def test_a_string_that_cannot_work(doctor, name, uri):
    finds(doctor, name, uri)


@pytest.mark.parametrize("name,uri", [
    ("URI-09", f"mongodb://app:secret@{NODE}/shop?tls=true"),
    ("URI-12", f"mongodb://app:secret@{NODE}/?tls=true&directConnection=true"),
    ("URI-13", "mongodb+srv://app:secret@cluster0-ab123.mongodb.net/"),
])
def test_advice_on_a_string_beside_names_that_fail(doctor, name, uri):
    said = doctor(uri=uri)
    assert said.status == 2 and name in said.ids(), said.out
    assert said.ids()[0].startswith(("DNS", "TCP")), said.out
    assert said.seconds < 8


def test_there_is_no_string(doctor):
    doctor.finds("URI-01", uri="--no-auth")


def test_advice_beside_a_login_that_is_refused(doctor, atlas):
    for name, password, first in (("URI-03", "p%2540ss", "URI-03"), ("URI-03b", "p+ss", "AUTH-01"),
                                  ("URI-02", "p ss", "AUTH-01")):
        said = doctor(uri=f"mongodb+srv://{atlas.user}:{password}@{atlas.name}/")
        assert said.status == 2 and said.ids()[0] == first and name in said.ids(), said.out


def test_advice_is_no_fault_where_all_works(doctor, atlas):
    said = doctor(uri=atlas.srv_uri().rstrip("/") + "?retryReads=true")
    assert said.status == 0 and said.ids() == ["URI-08"], said.out
    assert said.finding("URI-08")["severity"] == "info"


def test_the_mark_is_shown_too(doctor):
    said = doctor.run(uri=f"mongodb+srv://app:secret@{ATLAS}:27017/")
    assert said.out.startswith("fatal: connection string: ") and "column: 52" in said.out
    assert "^~~~~~" in said.out


def test_an_option_that_is_none(doctor, atlas):
    said = doctor.run(uri=atlas.srv_uri(retryWrite="true", w="majority"))
    assert "did you mean retryWrites?" in said.err and "^~~~" in said.err
    assert "no effect" not in said.err and said.out.startswith("good: ")
