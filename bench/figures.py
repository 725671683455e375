"""What is measured of a contender: one run of the load generator, or one look at its memory."""
import json
import re
import subprocess
import time

import contenders

MIB = 1 << 20
SETTLE_SECONDS = 1.5


class Workload:
    def __init__(self, name, by_tls=False, share=1.0, **options):
        self.name, self.by_tls, self.share, self.options = name, by_tls, share, options


ONE = Workload("one")
BUSY = Workload("busy", clients=64, active=64)
MANY = Workload("many", clients=2000, active=20)
PAGE = Workload("16 KiB", bytes=16 << 10)
LARGE = Workload("1 MiB", bytes=1 << 20)
CHURN = Workload("churn", clients=8, churn=1)
TLS_ONE = Workload("TLS one", by_tls=True)
TLS_BUSY = Workload("TLS busy", by_tls=True, clients=64, active=64)
ALL = [ONE, BUSY, MANY, PAGE, LARGE, CHURN, TLS_BUSY, TLS_ONE]


def load_words(port, program, **options):
    if program is not None:
        options["program"] = program.pid
    return [contenders.BUILD / "bench/bench_load", port,
            *(f"{name}={value}" for name, value in options.items())]


def read_report(text, who, what):
    report = json.loads(text.splitlines()[-1]) if text.strip() else {"errors": 1, "wrong": 0}
    if report["errors"]:
        raise SystemExit(f"{who}, {what}: {report['errors']} replies were no answer to a find")
    return report


def run_load(contender, standin, workload, milliseconds):
    """One measurement: what the load generator reports, with what the stand-in counted."""
    before = standin.counts()
    with (contender.folder / "load.log").open("a") as log:
        process = contenders.spawn(
            load_words(contender.port, contender.process, warm=milliseconds // 4,
                       measure=milliseconds, **workload.options), log, stdout=subprocess.PIPE)
        text = process.communicate(timeout=milliseconds / 1000 + 60)[0].decode()
    if process.returncode != 0:
        raise SystemExit(f"{contender.name}, {workload.name}: "
                         f"{(contender.folder / 'load.log').read_text()[-500:]}")
    report = read_report(text, contender.name, workload.name)
    after = standin.counts()
    report["dials"] = after["accepted"] - before["accepted"]
    report["upstream"] = after["serving_peak"]
    return report


def memory_of(process):
    text = open(f"/proc/{process.pid}/status").read()
    return {name: int(re.search(rf"{name}:\s+(\d+) kB", text).group(1)) * 1024
            for name in ("VmRSS", "RssAnon")}


def leave(process, contender):
    report = read_report(process.communicate(b"", timeout=60)[0].decode(), contender.name, "idle")
    contender.wrong_idle += report["wrong"]


def idle_clients(contender, count):
    """Clients that have asked once each; the process that holds them."""
    process = contenders.spawn(load_words(contender.port, None, clients=count, measure=0), None,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if process.stdout.readline() != b"ready\n":
        raise SystemExit(f"{contender.name}: {count} idle clients did not come up")
    return process


def measure_memory(contender, standin, most):
    """Memory of a contender that has just been started: at rest (its pool is full, as 64 clients
    have come and gone), with idle clients, without."""
    contender.wrong_idle, found = 0, {}
    standin.counts()
    leave(idle_clients(contender, 64), contender)
    time.sleep(SETTLE_SECONDS)
    found["rest"] = memory_of(contender.process)
    for count, name in ((1000, "1,000"), (most, "most")):
        clients = idle_clients(contender, count)
        found[name] = memory_of(contender.process)
        leave(clients, contender)
    time.sleep(SETTLE_SECONDS)
    found["left"] = memory_of(contender.process)
    found["per client"] = (found["most"]["VmRSS"] - found["rest"]["VmRSS"]) / most
    found["upstream"] = standin.counts()["serving_peak"]
    found["wrong"] = contender.wrong_idle
    return found
