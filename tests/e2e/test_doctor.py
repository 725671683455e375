"""mooring doctor on pocket Atlas: quiet where nothing is wrong, and the right finding first where
something is."""
import concurrent.futures
import json
import os
import stat
import time
import urllib.parse

import pytest

from doctor import HEALTHY_SECONDS, Silent, doctor  # noqa: F401 (a fixture)


@pytest.fixture
def silent():
    one = Silent()
    yield one
    one.close()


# --- how it is used ---

def test_a_healthy_cluster_has_no_finding(doctor):
    said = doctor()
    assert (said.status, said.ids(), said.json["result"]) == (0, [], "good"), said.out
    assert min(said.seconds, doctor().seconds, doctor().seconds) < HEALTHY_SECONDS
    stages = {s["stage"]: s["result"] for s in said.json["stages"]}
    assert len(stages) == 15
    assert {stages[s] for s in ("SRV record", "TXT record", "TCP", "TLS", "hello", "login",
                                "commands", "topology")} == {"good"}
    assert len(said.json["nodes"]) == 3


def test_control_targets_that_are_silent_do_not_lengthen_a_good_run(doctor, silent):
    config = {"--doctor.controlAddresses": silent.name}
    runs = [doctor(config=config) for _ in range(3)]  # the machine may be busy with other tests
    assert {said.status for said in runs} == {0}
    assert min(said.seconds for said in runs) < HEALTHY_SECONDS


def test_the_text_begins_with_the_verdict(doctor, atlas):
    said = doctor.run()
    assert said.status == 0 and said.out.startswith("good: "), said.out
    assert "\033" not in said.out
    wrong = doctor.run(uri=atlas.srv_uri(password="wrong")).out
    first = wrong.splitlines()[0]
    assert first.startswith("fatal: login: ") and first.endswith("[AUTH-01]"), wrong
    assert "dig +short SRV _mongodb._tcp.cluster0.pocket.test" in wrong


def test_no_secret_is_printed(doctor, atlas, tmp_path):
    secret = "s3cret-p@ss"
    for flags in (("--json",), (), ("--gate",)):
        said = doctor.run(*flags, f"--bundle={tmp_path}/bundle", uri=atlas.srv_uri(password=secret))
        text = said.out + said.err + (tmp_path / "bundle").read_text()
        assert "s3cret" not in text and atlas.password not in text
        assert said.status == 2


def test_the_bundle_is_for_its_owner(doctor, tmp_path):
    path = tmp_path / "bundle.json"
    path.write_text("old")
    path.chmod(0o644)
    said = doctor.run("--bundle", str(path))
    bundle = json.loads(path.read_text())
    assert said.status == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert bundle["settings"]["upstream.uri"] == "***"
    assert bundle["machine"]["openFiles"] > 0 and len(bundle["nodes"]) == 3
    assert doctor.run("--bundle", str(tmp_path / "missing" / "x")).status == 3


def test_a_gate_says_one_line(doctor, atlas):
    good = doctor.run("--gate")
    assert good.status == 0 and good.out.count("\n") == 1
    bad = doctor.run("--gate", uri=atlas.srv_uri(password="wrong"))
    assert bad.status == 2 and bad.out.count("\n") == 1
    atlas.kill(node=1)
    degraded = doctor.run("--gate")
    assert degraded.out.startswith("degraded: ") and degraded.status == 0


def test_without_a_login(doctor, atlas):
    said = doctor("--no-auth", uri=atlas.srv_uri(password="wrong"))
    assert said.status == 0 and said.ids() == [], said.out
    assert all("login" not in n for n in said.json["nodes"])


def test_settings_that_cannot_be_read(doctor):
    said = doctor.run("--config", "/nowhere/mooring.yaml")
    assert said.status == 3 and "/nowhere/mooring.yaml" in said.err


def test_a_running_mooring_on_both_families(doctor, start):
    mooring = start(listen="127.0.0.1:{port},[::1]:{port}")
    both = f"127.0.0.1:{mooring.port},[::1]:{mooring.port}"
    said = doctor("--running", config={"--listen.addresses": both})
    assert said.status == 0 and said.ids() == [], said.out
    assert [(one["state"], one["ping"]["ok"]) for one in said.json["listeners"]] == [
        ("mooring", True), ("mooring", True)]


def test_a_mooring_that_should_run(doctor):
    doctor.finds("LOC-03" if os.path.exists("/.dockerenv") else "LOC-01", "--running")


def test_one_family_of_two(doctor, start):
    mooring = start()
    both = f"127.0.0.1:{mooring.port},[::1]:{mooring.port}"
    doctor.finds("LOC-02", status=1, config={"--listen.addresses": both})
    one = doctor(config={"--listen.addresses": f"127.0.0.1:{mooring.port}"})
    assert one.status == 0 and one.finding("LOC-02")["severity"] == "info"


def test_what_stands_goes_on_and_nothing_new_gets_in(doctor, atlas, start):
    mooring = start()
    mooring.client().admin.command("ping")
    atlas.reject()
    said = doctor.finds("ACL-04", status=1,
                        config={"--listen.addresses": f"127.0.0.1:{mooring.port}"})
    assert "ACL-02" not in said.ids()


def test_a_port_that_is_taken(doctor):
    address = "%s:%d" % doctor.control.getsockname()
    said = doctor.finds("LOC-05", status=1, config={"--listen.addresses": address})
    assert said.finding("LOC-05")["evidence"]["pid"] == str(os.getpid())


# --- the connection string ---

@pytest.mark.parametrize("uri,name", [
    ("", "URI-01"), ("cluster0.pocket.test", "URI-01"), ("'mongodb+srv://c.pocket.test/'", "URI-01"),
    ("mongodb+srv://app:p@ss@c.pocket.test/", "URI-02"),
    ("mongodb+srv://c.pocket.test:27017/", "URI-05"),
    ("mongodb+srv://a.pocket.test,b.pocket.test/", "URI-05")])
def test_mistakes_in_the_string(doctor, uri, name):
    said = doctor.finds(name, uri=uri)
    assert said.json["nodes"] == []


def test_the_place_of_a_mistake_is_marked(doctor):
    said = doctor.run(uri="mongodb+srv://app:secret@c.pocket.test:27017/")
    marked = said.out.splitlines()
    line = next(i for i, text in enumerate(marked) if text.strip().startswith("mongodb+srv://"))
    assert marked[line + 1].index("^") == marked[line].index(":27017")
    assert "secret" not in said.out


def test_a_password_that_is_encoded_twice(doctor, atlas):
    twice = urllib.parse.quote(urllib.parse.quote(atlas.password, safe=""), safe="")
    uri = atlas.srv_uri().replace(urllib.parse.quote(atlas.password, safe=""), twice)
    doctor.finds("URI-03", uri=uri)


def test_advice_about_what_works_is_information(doctor, atlas):
    said = doctor(uri=atlas.direct_uri())
    assert said.status == 0 and {f["severity"] for f in said.json["findings"]} <= {"info"}, said.out


def test_the_budget(doctor):
    said = doctor.finds("LIM-01", "--tier", "M10", "--replicas=100", status=1)
    assert said.finding("LIM-01")["evidence"]["tier"] == "M10"
    assert doctor("--tier=M50", "--replicas=4").status == 0
    assert doctor("--tier=M11").status == 3


# --- the network ---

def test_a_node_that_is_down(doctor, atlas):
    atlas.kill(node=2)
    said = doctor.finds("TCP-02", status=1)
    assert said.finding("TCP-02")["evidence"]["nodes"] == "1 of 3"


def test_all_nodes_are_down(doctor, atlas):
    for node in range(3):
        atlas.kill(node=node)
    doctor.finds("TCP-02")


def test_a_node_that_hangs(doctor, atlas):
    secondary = next(i for i in range(3) if i != atlas.status()["primary"])
    atlas.hang(node=secondary)
    doctor.finds("TCP-04", status=1)


def test_nodes_that_are_silent(doctor, silent):
    uri = f"mongodb://{silent.name}/?tls=true"
    said = doctor.finds("TCP-05", uri=uri)  # another port than 27017 it is
    assert said.finding("TCP-05")["evidence"]["code"] == "TIMED_OUT"


def test_nodes_that_are_silent_as_all_else_is(doctor, silent):
    said = doctor.finds("TCP-03", uri=f"mongodb://{silent.name}/?tls=true",
                        config={"--doctor.controlAddresses": silent.name})
    assert "TIMED_OUT" in said.finding("TCP-03")["evidence"]["control"]


@pytest.mark.parametrize("is_open,name", [(True, "ACL-01"), (False, "TCP-01")])
def test_the_port_elsewhere_tells_a_firewall_from_an_access_list(doctor, silent, is_open, name):
    probe = "%s:%d" % doctor.control.getsockname() if is_open else silent.name
    doctor.finds(name, "--portquiz", uri=f"mongodb://{silent.name}/?tls=true",
                 config={"--doctor.portProbe": probe})


def test_the_public_address_is_named(doctor, atlas, silent):
    probe = f"{atlas.nodes[1]['host']}@{atlas.dns}"  # any name with an address will do
    probe_how = {"--doctor.publicAddressProbe": probe,
                 "--doctor.portProbe": "%s:%d" % doctor.control.getsockname()}
    said = doctor.finds("ACL-01", "--public-ip", "--portquiz",
                        uri=f"mongodb://{silent.name}/?tls=true", config=probe_how)
    assert said.finding("ACL-01")["evidence"]["public"] == atlas.nodes[1]["address"]
    assert atlas.nodes[1]["address"] in said.finding("ACL-01")["say"]
    asked_not = doctor(uri=f"mongodb://{silent.name}/?tls=true", config=probe_how)
    assert all(s["kind"] == "control" for s in asked_not.json["sides"])


def test_a_web_proxy_in_the_environment(doctor, silent):
    doctor.finds("TCP-09", uri=f"mongodb://{silent.name}/?tls=true",
                 config={"--doctor.controlAddresses": silent.name},
                 environment={"HTTPS_PROXY": "http://proxy.test:3128"})


def test_the_way_leads_through_an_outbound_proxy(doctor):
    with doctor.web_proxy() as proxy:
        said = doctor(config={"--upstream.httpProxy": proxy})
        assert (said.status, said.ids()) == (0, []), said.out
        assert all(n["tunnel"]["status"] == "OK" for n in said.json["nodes"])


def test_an_outbound_proxy_that_refuses(doctor, silent):
    with doctor.web_proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as proxy:
        said = doctor.finds("TCP-03", config={"--upstream.httpProxy": proxy})
        assert "407" in said.finding("TCP-03")["evidence"]["text"], said.out
    doctor.finds("TCP-03", config={"--upstream.httpProxy": silent.name})


# --- TLS ---

def everywhere(atlas, kind):
    for node in range(3):
        atlas.certificate(node=node, kind=kind)


@pytest.mark.parametrize("kind,name", [("other_name", "TLS-05"), ("expired", "TLS-04"),
                                       ("unknown_ca", "TLS-02")])
def test_certificates(doctor, atlas, kind, name):
    everywhere(atlas, kind)
    doctor.finds(name)


def test_a_certificate_that_ends_soon(doctor, atlas):
    everywhere(atlas, "ends_soon")
    said = doctor.finds("TLS-04", status=1)
    assert said.finding("TLS-04")["evidence"]["when"].startswith("ends in ")


def test_one_certificate_of_three(doctor, atlas):
    atlas.certificate(node=0, kind="expired")
    said = doctor("--no-auth")
    assert said.finding("TLS-04")["severity"] == "degraded"


# --- login and the set ---

def test_a_wrong_password(doctor, atlas):
    said = doctor.finds("AUTH-01", uri=atlas.srv_uri(password="wrong"))
    assert said.finding("AUTH-01")["evidence"]["user"] == atlas.user


def test_a_database_that_knows_no_such_user(doctor, atlas):
    doctor.finds("AUTH-02", uri=atlas.srv_uri(authSource="shop"))


def test_the_wrong_name_of_the_set(doctor, atlas):
    said = doctor.finds("URI-10", uri=atlas.srv_uri(replicaSet="another"))
    assert said.finding("URI-10")["evidence"]["set"] == "another"


def test_a_set_without_a_primary(doctor, atlas):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        election = pool.submit(atlas.step_down, seconds=4)
        time.sleep(0.5)
        doctor.finds("TOPO-01", status=1)
        election.result()


def test_commands_that_are_not_allowed(doctor, atlas):
    error = {"ok": 0, "code": 13, "codeName": "Unauthorized", "errmsg": "not authorized on admin"}
    atlas.trip(command="ping", how="error", error=error)
    doctor.finds("AUTH-08", status=1)


def test_a_cluster_that_is_overloaded(doctor, atlas):
    error = {"ok": 0, "code": 462, "codeName": "IngressRequestRateLimitExceeded", "errmsg": "x"}
    atlas.trip(command="ping", how="error", error=error)
    doctor.finds("LIM-05", status=1)


def test_plain_bytes_to_a_server_with_tls(doctor, atlas):
    doctor.finds("URI-11", uri=atlas.srv_uri(tls="false"))


def test_nodes_that_hang_up_at_once(doctor, atlas):
    atlas.reject()
    said = doctor.finds("ACL-02")
    assert said.finding("ACL-02")["evidence"]["broken off"] == "3 of 3"


def test_one_node_that_hangs_up(doctor, atlas):
    primary = atlas.status()["primary"]
    atlas.reject(node=(primary + 1) % 3)
    doctor.finds("TLS-10", status=1)
    atlas.heal()
    atlas.reject(node=primary)
    said = doctor.finds("TLS-10")
    assert "writes wait" in said.finding("TLS-10")["evidence"]["primary"]


def test_what_is_no_tls(doctor):
    with doctor.talker(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        doctor.finds("TLS-11", uri=f"mongodb://{address}/?tls=true")


def test_alert_80_before_anything_else(doctor):
    with doctor.talker(b"\x15\x03\x01\x00\x02\x02\x50") as address:
        said = doctor.finds("ACL-02", uri=f"mongodb://{address}/?tls=true")
        assert said.finding("ACL-02")["evidence"]["alert"] == "80"


@pytest.mark.parametrize("alert,name", [(70, "TLS-07"), (40, "TLS-08"), (112, "TLS-05")])
def test_other_alerts(doctor, alert, name):
    with doctor.talker(bytes([0x15, 3, 1, 0, 2, 2, alert])) as address:
        doctor.finds(name, uri=f"mongodb://{address}/?tls=true")
