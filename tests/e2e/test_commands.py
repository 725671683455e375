"""The commands as a person meets them: what they print, and one clear sentence and a status for
every mistake. Nothing here needs a database."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

import stubs

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOORING = os.environ.get("MOORING_BIN", str(ROOT / "build/dev/mooring"))
PLAIN = "mongodb://app:sw0rdfish@db.example.test/"
GOOD, DEGRADED, FATAL = 0, 1, 2


def mooring(*arguments, **environment):
    """Runs it to its end: status, standard output, standard error."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MOORING_")}
    done = subprocess.run([MOORING, *arguments], capture_output=True, text=True, timeout=30,
                          env={**clean, "MOORING_DNS_FALLBACK": "off", **environment})
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    assert "sw0rdfish" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def fails(text, *arguments, **environment):
    """It ends with a mistake, told in one line on standard error, and prints nothing else."""
    status, out, err = mooring(*arguments, **environment)
    assert (status, out) == (FATAL, ""), (status, out, err)
    assert text in err, err
    lines = [line for line in err.splitlines() if not line.startswith("    ")]  # without its mark
    assert len(lines) == 1, err


# --- the command line ---

def test_help_goes_to_standard_output_and_lists_the_commands():
    for arguments in (["--help"], ["help"], ["-h"], ["run", "--help"], ["check", PLAIN, "-h"]):
        status, out, err = mooring(*arguments)
        assert (status, err) == (GOOD, "")
        for command in ("run", "check", "settings", "resolve", "version"):
            assert f"mooring {command}" in out


def test_without_arguments_the_usage_is_an_error():
    status, out, err = mooring()
    assert (status, out) == (FATAL, "")
    assert err.startswith("usage: mooring")


def test_a_command_that_is_none():
    fails("there is no command resole; did you mean resolve?", "resole", PLAIN)
    fails("there is no command frobnicate; mooring --help lists them", "frobnicate")
    fails("the command reload is not implemented in this build", "reload")


def test_a_connection_string_of_another_scheme_is_not_repeated():
    wrong = "mongo://app:sw0rdfish@db.example.test/"
    fails("a connection string begins with mongodb:// or mongodb+srv://", wrong)
    fails("a connection string begins with mongodb://", "run", wrong)
    fails("it must begin with mongodb:// or mongodb+srv://", "run", f"--upstream.uri={wrong}")


def test_arguments_that_fit_nowhere():
    fails("two connection strings: one process serves one cluster", "run", PLAIN, PLAIN)
    fails("here is neither a connection string nor a flag", "run", PLAIN, "here")
    fails("--config wants the name of a file", "run", PLAIN, "--config")
    fails("--config is given twice", "run", PLAIN, "--config=a", "--config", "b")
    fails("--pool.maxPoolsize: there is no setting pool.maxPoolsize; did you mean "
          "pool.maxPoolSize?", "run", PLAIN, "--pool.maxPoolsize=5")
    fails("--pool.maxPoolSize: it wants a value", "run", PLAIN, "--pool.maxPoolSize")
    fails("there is no setting markdown", "run", PLAIN, "--markdown")
    fails("admin.http is not implemented in this build", "run", PLAIN, "--admin.http=off")


def test_a_mistake_in_the_string_is_told_with_its_column():
    fails("connection string, column 23: an '@' in user name or password is written %40", "run",
          "mongodb://app:sw0rdfis@h@db.example.test/")
    fails("a user without a password: add it, or set upstream.passwordFile", "run",
          "mongodb://app@db.example.test/")


def test_no_cluster_is_named():
    fails("give a connection string as the first argument, in upstream.uri", "run")


# --- files ---

def test_a_file_that_is_missing_or_wrong(tmp_path):
    fails("nowhere.yaml: cannot be read: No such file", "run", PLAIN, "--config", "nowhere.yaml")
    config = tmp_path / "mooring.yaml"
    config.write_text("pool:\n  maxPoolSize: 5\n  minPoolSiz: 1\n")
    fails(f"{config}:3: there is no setting pool.minPoolSiz; did you mean pool.minPoolSize?",
          "run", PLAIN, "--config", str(config))
    config.write_text("pool:\n  maxPoolSize: 5\n bad\n")
    fails(f"{config}:3: not valid YAML", "run", PLAIN, f"--config={config}")


def test_a_file_that_can_be_read_only_once():
    done = subprocess.run([MOORING, "settings", PLAIN, "--config", "/dev/stdin"], text=True,
                          input="pool: {maxPoolSize: 7}\n", capture_output=True, timeout=30)
    line = next(l for l in done.stdout.splitlines() if l.startswith("pool.maxPoolSize"))
    assert line.split() == ["pool.maxPoolSize", "7", "/dev/stdin:1"]


def test_certificates_that_cannot_be_used(tmp_path):
    uri = PLAIN + "?tls=true"
    garbage = tmp_path / "ca.pem"
    garbage.write_text("no certificate\n")
    for command in ("run", "check"):
        fails("tls.caFile: cannot read /nowhere/ca.pem: No such file", command, uri,
              "--tls.caFile=/nowhere/ca.pem")
        fails(str(garbage), command, uri, f"--tls.caFile={garbage}")
        fails(str(garbage), command, uri, f"--tls.certificateKeyFile={garbage}")


def test_a_password_in_a_file(tmp_path):
    secret = tmp_path / "password"
    secret.touch(0o600)
    flag = f"--upstream.passwordFile={secret}"
    fails(f"{secret} is empty", "run", PLAIN, flag)
    secret.write_text("other\n")
    secret.chmod(0o644)
    status, _, err = mooring("check", PLAIN, flag)
    assert status == GOOD
    assert "warning: upstream.passwordFile: every user of this machine can read" in err


def test_an_address_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        status, _, err = mooring("run", PLAIN, f"--listen.addresses={address}")
    assert status == FATAL
    lines = [line for line in err.splitlines() if " error " in line]
    assert len(lines) == 1 and address in lines[0] and "listen.addresses" in lines[0], err


def test_listening_beyond_loopback_must_be_asked_for():
    fails("0.0.0.0:27017 is not loopback", "run", PLAIN, "--listen.addresses=0.0.0.0:27017")


# --- settings, check, version ---

def test_settings_show_values_and_origins_but_no_secret(tmp_path):
    config = tmp_path / "mooring.yaml"
    config.write_text("pool:\n  maxPoolSize: 5\n  minPoolSize: 2\n")
    status, out, _ = mooring("settings", PLAIN + "?appName=me", f"--config={config}",
                             "--pool.minPoolSize=3", MOORING_LOG_LEVEL="warn")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert status == GOOD
    assert rows["upstream.uri"] == ["***", "command", "line"]
    assert rows["pool.maxPoolSize"] == ["5", f"{config}:2"]
    assert rows["pool.minPoolSize"] == ["3", "--pool.minPoolSize"]
    assert rows["log.level"] == ["warn", "MOORING_LOG_LEVEL"]
    assert rows["upstream.appName"][:3] == ["me", "connection", "string,"]
    assert rows["dns.timeoutMS"][1] == "default"
    assert "sw0rdfish" not in out


def test_check_tells_every_mistake_at_once():
    status, out, err = mooring("check", PLAIN, "--pool.maxPoolSize=0", "--log.level=loud",
                               MOORING_POOL_MAX_POOLSIZE="3")
    assert (status, out) == (FATAL, "")
    assert "error: --pool.maxPoolSize: " in err and "error: --log.level: one of error" in err
    assert "warning: MOORING_POOL_MAX_POOLSIZE: " in err
    assert "did you mean MOORING_POOL_MAX_POOL_SIZE?" in err


def test_check_of_good_settings():
    assert mooring("check", PLAIN) == (GOOD, "the settings are good\n", "")
    assert mooring("check", MOORING_UPSTREAM_URI=PLAIN)[0] == GOOD


def test_check_connect_reaches_a_server():
    with stubs.greeter() as (port, _):
        status, out, err = mooring("check", "--connect", f"mongodb://127.0.0.1:{port}/")
        assert (status, err) == (GOOD, "")
        assert "the cluster is reached: Single" in out
        assert f"127.0.0.1:{port}" in out and "a connection stands" in out


def test_check_connect_says_why_not():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        status, _, err = mooring("check", "--connect", f"mongodb://127.0.0.1:{port}/")
    assert status == FATAL
    assert f"error: the cluster is not reached: 127.0.0.1:{port}" in err and "refused" in err


def test_check_connect_names_a_server_too_old(monkeypatch):
    monkeypatch.setitem(stubs.HELLO, "maxWireVersion", 5)
    with stubs.greeter() as (port, _):
        status, out, err = mooring("check", "--connect", f"mongodb://127.0.0.1:{port}/")
    assert status == FATAL and "reached" not in out, out
    assert f"the server at 127.0.0.1:{port} reports wire version 5" in err
    assert "at least 6 (MongoDB 3.6)" in err


def test_version_names_libraries_and_limits():
    for arguments in (["version"], ["--version"]):
        status, out, _ = mooring(*arguments)
        assert status == GOOD
        assert out.startswith("mooring 0.")
        for word in ("48000000", "16777216", "libuv", "OpenSSL 3", "libnghttp2 1", "libbson", "libyaml"):
            assert word in out


# --- resolve ---

HOST = "cluster0.example.test"
ZONE = {f"_mongodb._tcp.{HOST}": [stubs.srv(27017, "a.example.test"),
                                  stubs.srv(27018, "B.Example.test")],
        HOST: [stubs.txt("authSource=admin&repli", "caSet=rs0")]}


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82f63b78 * (crc & 1)
    return crc ^ 0xffffffff


def resolve(zone, uri, *flags):
    with stubs.resolver(zone) as address:
        return mooring("resolve", uri, f"--dns.resolvers={address}", *flags)


def test_resolve_prints_the_standard_string():
    uri = f"mongodb+srv://app:p%40ss@{HOST}/shop?retryWrites=true&w=majority"
    assert resolve(ZONE, uri) == (
        GOOD, "mongodb://app:p%40ss@a.example.test:27017,b.example.test:27018/shop"
        "?retryWrites=true&w=majority&tls=true&replicaSet=rs0&authSource=admin\n", "")


def test_resolve_can_leave_the_credentials_out():
    status, out, _ = resolve(ZONE, f"mongodb+srv://app:sw0rdfish@{HOST}/", "--no-credentials")
    assert status == GOOD
    assert out == ("mongodb://a.example.test:27017,b.example.test:27018/"
                   "?tls=true&replicaSet=rs0&authSource=admin\n")


def test_resolve_puts_a_plain_string_in_order():
    assert mooring("resolve", "mongodb://App:x@DB1,db2:5?w=1")[:2] == (
        GOOD, "mongodb://App:x@db1:27017,db2:5/?w=1\n")


def test_resolve_takes_user_and_password_of_the_settings(tmp_path):
    secret = tmp_path / "password"
    secret.touch(0o600)
    secret.write_text("p/w\n")
    status, out, _ = mooring("resolve", "mongodb://db1/", "--upstream.username=me",
                             f"--upstream.passwordFile={secret}")
    assert (status, out) == (GOOD, "mongodb://me:p%2Fw@db1:27017/\n")


def test_resolve_goes_on_without_the_txt_record():
    zone = {**ZONE, HOST: stubs.SERVFAIL}
    status, out, err = resolve(zone, f"mongodb+srv://{HOST}/")
    assert status == GOOD
    assert out == "mongodb://a.example.test:27017,b.example.test:27018/?tls=true\n"
    assert "the TXT record of cluster0.example.test could not be had" in err


def test_resolve_says_that_a_balancer_stands_before_the_servers():
    zone = {f"_mongodb._tcp.{HOST}": [stubs.srv(27017, "a.example.test")],
            HOST: [stubs.txt("loadBalanced=true")]}
    assert resolve(zone, f"mongodb+srv://{HOST}/")[1] == (
        "mongodb://a.example.test:27017/?tls=true&loadBalanced=true\n")


def test_resolve_says_admin_for_atlas_when_the_path_would_mislead():
    host = "cluster0.abcde.mongodb.net"
    zone = {f"_mongodb._tcp.{host}": [stubs.srv(27017, "a.abcde.mongodb.net")], host: []}
    assert resolve(zone, f"mongodb+srv://app:x@{host}/shop")[1] == (
        "mongodb://app:x@a.abcde.mongodb.net:27017/shop?tls=true&authSource=admin\n")


@pytest.mark.parametrize("change, text", [
    ({f"_mongodb._tcp.{HOST}": stubs.NXDOMAIN}, "(NXDOMAIN); check the host name"),
    ({f"_mongodb._tcp.{HOST}": []}, "(NODATA)"),
    ({f"_mongodb._tcp.{HOST}": stubs.SERVFAIL}, "(SERVFAIL); name a resolver that works"),
    ({f"_mongodb._tcp.{HOST}": [stubs.srv(27017, "a.evil.test")]},
     "a.evil.test, which is not within example.test: refused"),
    ({HOST: [stubs.txt("authSource=a"), stubs.txt("replicaSet=b")]}, "has 2 TXT records"),
    ({HOST: [stubs.txt("socketTimeoutMS=500")]}, "an option that does not belong there"),
    ({HOST: [stubs.txt("loadBalanced=true")]}, "loadBalanced=true allows one server only"),
])
def test_resolve_says_what_is_wrong_with_the_records(change, text):
    status, out, err = resolve({**ZONE, **change}, f"mongodb+srv://app:sw0rdfish@{HOST}/")
    assert (status, out) == (FATAL, ""), err
    assert text in err and len(err.splitlines()) == 1, err


def test_resolve_shows_what_each_resolver_said():
    with stubs.resolver({**ZONE, HOST: stubs.SERVFAIL}) as bad, stubs.resolver(ZONE) as good:
        status, out, _ = mooring("resolve", f"mongodb+srv://{HOST}/", "--table",
                                 f"--dns.resolvers={bad},{good}")
    asked, answers = out.split("\n\n")
    rows = [line.split() for line in asked.splitlines()]
    assert status == GOOD
    assert [row[:4] for row in rows[1:]] == [
        ["SRV", f"_mongodb._tcp.{HOST}", bad, "ok"],
        ["TXT", HOST, bad, "servfail"],
        ["TXT", HOST, good, "ok"]]
    assert rows[1][4:6] == ["2", "60"] and rows[3][4:6] == ["1", "60"]
    rows = [line.split() for line in answers.splitlines()[1:]]
    assert rows[0][:5] == [HOST, "live", bad, "-", "60"]
    assert rows[0][6:] == ["a.example.test:27017,", "b.example.test:27018"]
    assert rows[1][:3] == ["a.example.test", "-", "-"] and "(NXDOMAIN)" in answers


def test_resolve_as_json():
    zone = {**ZONE, "a.example.test": [stubs.a("10.0.0.1"), stubs.a("10.0.0.2")]}
    status, out, err = resolve(zone, f"mongodb+srv://app:sw0rdfish@{HOST}/", "--json")
    shown = json.loads(out)
    assert (status, err) == (GOOD, "") and "sw0rdfish" not in out
    assert shown["uri"] == ("mongodb://a.example.test:27017,b.example.test:27018/"
                            "?tls=true&replicaSet=rs0&authSource=admin")
    assert shown["replica_set"] == "rs0" and shown["auth_source"] == "admin"
    assert [(row["type"], row["said"]) for row in shown["asked"]] == [("SRV", "ok"), ("TXT", "ok")]
    cluster, first, second = shown["answers"]
    assert (cluster["from"], cluster["ttl_s"], cluster["age_ms"]) == ("live", 60, 0)
    assert (first["name"], first["from"], first["says"]) == (
        "a.example.test", "live", ["10.0.0.1", "10.0.0.2"])
    assert second["from"] is None and "(NXDOMAIN)" in second["why"]


def test_resolve_shows_what_a_plain_string_means():
    status, out, err = mooring("resolve", "mongodb://app:sw0rdfish@127.0.0.1:1,localhost/", "--table")
    assert (status, err) == (GOOD, "") and "sw0rdfish" not in out
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[0] for row in rows] == ["127.0.0.1:1", "127.0.0.1", "localhost"]
    assert rows[0][1:3] == ["connection", "string"]
    assert rows[1][1:3] == ["no", "DNS"] and rows[1][-1] == "127.0.0.1"


def dead_resolver():
    with stubs.resolver({}) as address:
        return address


def test_resolve_goes_by_the_last_good_answer(tmp_path):
    kept = tmp_path / "names"
    lines = (f"mooring names, version 1\ncluster _mongodb._tcp.{HOST}\n"
             f"seeds {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - 7300))} 10.0.0.2\n"
             "host a.example.test:27017\nauth-source admin\n")
    kept.write_text(f"{lines}end {crc32c(lines.encode()):08x}\n")
    flags = [f"--dns.resolvers={dead_resolver()}", f"--dns.lastGoodFile={kept}"]
    status, out, err = mooring("resolve", f"mongodb+srv://{HOST}/", *flags)
    assert (status, out) == (GOOD, "mongodb://a.example.test:27017/?tls=true&authSource=admin\n")
    assert f"this is what 10.0.0.2 said 2 h ago (dns.lastGoodFile: {kept})" in err
    answers = json.loads(mooring("resolve", f"mongodb+srv://{HOST}/", "--json", *flags)[1])["answers"]
    assert answers[0]["from"] == "last good" and 7300000 <= answers[0]["age_ms"] < 7360000
    kept.write_text(kept.read_text().replace("a.example", "b.example"))
    status, out, err = mooring("resolve", f"mongodb+srv://{HOST}/", *flags)
    assert (status, out) == (FATAL, "")
    assert f"{kept} is damaged or cut off: ignored" in err
    status, out, err = mooring("resolve", f"mongodb+srv://{HOST}/", *flags, "--upstream.seeds=c:1,d:2")
    assert (status, out) == (GOOD, "mongodb://c:1,d:2/?tls=true\n")
    assert "these are the servers of upstream.seeds" in err


# --- run ---

def test_run_hides_secrets_from_the_process_list_and_ends_in_order():
    with stubs.greeter() as (port, _):
        process = subprocess.Popen(
            [MOORING, f"mongodb://127.0.0.1:{port}/?appName=sw0rdfish",
             "--tls.certificateKeyFilePassword=sw0rdfish", "--listen.addresses=127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True)
        assert any("listening on" in line for line in process.stderr)
        shown = pathlib.Path(f"/proc/{process.pid}/cmdline").read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, process.stderr.read()
        process.stderr.close()
    assert "sw0rdfish" not in shown and "mongodb://***" in shown
    assert "--tls.certificateKeyFilePassword=***" in shown


def test_a_server_is_reached_by_its_unix_socket(tmp_path):
    path = str(tmp_path / "mongodb-27017.sock")
    with stubs.greeter(path) as (_, conns):
        status, out, err = mooring("check", "--connect",
                                   f"mongodb://{path.replace('/', '%2F')}/")
        assert (status, err) == (GOOD, ""), err
        assert conns and path in out
