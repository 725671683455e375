"""Interleaved rounds of all workloads over all contenders; prints the table (see bench/run)."""
import argparse
import contextlib
import pathlib
import sys
import tempfile
import time

import contenders
import figures
import table


def options():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 90 seconds")
    parser.add_argument("--rounds", type=int, help="how often all is measured (3 quick, 7)")
    parser.add_argument("--only", help="names of contenders, with commas: direct,Mooring")
    parser.add_argument("--workloads", help="some of: " + ", ".join(w.name for w in figures.ALL))
    parser.add_argument("--no-memory", action="store_true", help="skip the idle clients")
    return parser.parse_args()


def chosen(everything, name_of, names):
    """Those that were named, with commas between; all when nothing was."""
    wanted = None if names is None else [name.strip().lower() for name in names.split(",")]
    found = [one for one in everything if wanted is None or name_of(one).lower() in wanted]
    if not found or (wanted and len(found) < len(wanted)):
        raise SystemExit(f"bench/run: one of {names} is not known: see bench/run --help")
    return found


def start(stack, folder, kind, by_tls):
    """A contender with a stand-in of its own, so that what that counts is the contender's."""
    standin = contenders.StandIn(folder, by_tls)
    stack.callback(standin.stop)
    contender = kind(folder, standin)
    contender.folder = folder
    stack.callback(contender.stop)
    return contender, standin


def say(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure_load(folder, kinds, workloads, rounds, milliseconds):
    """{(workload, contender): one report a round}; who goes first changes with the round."""
    found = {}
    with contextlib.ExitStack() as stack:
        running = {(kind, by_tls): start(stack, folder, kind, by_tls)
                   for kind in kinds for by_tls in (False, True)
                   if not (by_tls and kind is contenders.Direct)}
        for number in range(rounds):
            turn = number % len(kinds)
            for workload in workloads:
                say(f"round {number + 1} of {rounds}: {workload.name}")
                for kind in kinds[turn:] + kinds[:turn]:
                    if (kind, workload.by_tls) in running:
                        contender, standin = running[kind, workload.by_tls]
                        found.setdefault((workload.name, contender.name), []).append(
                            figures.run_load(contender, standin, workload, milliseconds))
    return found


def measure_memory(folder, kinds, rounds, most):
    """{contender: one finding a round}, each of a process just started."""
    found = {}
    for number in range(rounds):
        for kind in kinds:
            if kind is not contenders.Direct:
                say(f"memory, round {number + 1} of {rounds}: {kind.__name__}")
                with contextlib.ExitStack() as stack:
                    contender, standin = start(stack, folder, kind, False)
                    found.setdefault(contender.name, []).append(
                        figures.measure_memory(contender, standin, most))
    return found


def main():
    asked, began = options(), time.monotonic()
    rounds = asked.rounds or (3 if asked.quick else 7)
    kinds = chosen(contenders.all_contenders(), lambda kind: kind.__name__, asked.only)
    workloads = chosen(figures.ALL, lambda workload: workload.name, asked.workloads)
    most = contenders.most_clients()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = pathlib.Path(name)
        contenders.make_certificate(folder)
        load = measure_load(folder, kinds, workloads, rounds, 350 if asked.quick else 1500)
        memory = {}
        if not asked.no_memory:
            memory = measure_memory(folder, kinds, 1 if asked.quick else 3, most)
    say("")
    wrong = table.show([kind.__name__ for kind in kinds], load, memory, most)
    print(f"\n{rounds} rounds, {time.monotonic() - began:.0f} s. "
          f"Replies that were another's: {wrong}.")
    return 1 if wrong else 0


sys.exit(main())
