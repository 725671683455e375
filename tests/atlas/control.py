"""The control port: one JSON object a line in, one out. {"do": "kill", "node": 0} → {"ok": true}.

`node` is a number, "primary", "secondary" (one of them), or absent for every node.
"""
import asyncio
import contextlib
import json

from . import faults
from .certificates import KINDS
from .dns import FAULTS

ORDERS = {}
ORDER_BYTES = 1 << 20  # an error document can be large


def order(function):
    ORDERS[function.__name__] = function
    return function


@order
async def step_down(pocket, seconds=0.5):
    """Returns when the new primary is there."""
    await pocket.deployment.step_down(seconds)


@order
async def kill(pocket, node=None, seconds=0.5):
    """A killed primary is followed by another after `seconds`; returns then."""
    await _lose(pocket, node, seconds, lambda n: n.kill())


@order
async def hang(pocket, node=None, seconds=0.5):
    """Accepts and reads no more; sockets stay open. A primary is followed by another."""
    await _lose(pocket, node, seconds, lambda n: n.faults.running.clear())


@order
async def leave(pocket, node, seconds=0.5):
    """It answers on, but is a member no more. A primary is followed by another."""
    deployment = pocket.deployment
    for left in _chosen(pocket, node):
        left.faults.has_left = True
    if deployment.primary.faults.has_left:
        await deployment.step_down(seconds)
    else:
        deployment.announce()


async def _lose(pocket, which, seconds, how):
    deployment = pocket.deployment
    lost = _chosen(pocket, which)
    for node in lost:
        how(node)
    if deployment.primary in lost and any(n.is_up() for n in pocket.nodes):
        await deployment.step_down(seconds)


@order
async def restart(pocket, node=None):
    for chosen in _chosen(pocket, node):
        chosen.start()
        chosen.faults.running.set()


@order
async def reset(pocket, node=None):
    for chosen in _chosen(pocket, node):
        chosen.reset()


@order
async def reject(pocket, node=None, on=True):
    _set(pocket, node, is_rejecting=on)


@order
async def slow(pocket, node=None, seconds=0.0):
    _set(pocket, node, delay=seconds)


@order
async def lag(pocket, node=None, seconds=0.0):
    _set(pocket, node, lag=seconds)


@order
async def certificate(pocket, node=None, kind="good"):
    _must_be(kind, KINDS)
    _set(pocket, node, certificate=kind)


@order
async def trip(pocket, command, how, node=None, times=1, error=None, size=0):
    """The next `times` such commands go wrong: see faults.Trip."""
    for chosen in _chosen(pocket, node):
        chosen.faults.trips.append(faults.Trip(command, how, times, error, size))


@order
async def forget_credentials(pocket, on=True):
    pocket.deployment.credentials_are_known = not on


@order
async def dns_fault(pocket, fault=None, kind="*"):
    """A fault for a type of record, or for all; none removes it."""
    if fault is None:
        pocket.zone.fault.pop(kind, None)
    else:
        pocket.zone.fault[kind] = _must_be(fault, FAULTS)


@order
async def dns_records(pocket, foreign_targets=False, extra_txt=(), txt=None):
    pocket.zone.foreign_targets, pocket.zone.extra_txt = foreign_targets, list(extra_txt)
    pocket.zone.txt = pocket.txt() if txt is None else txt


@order
async def heal(pocket):
    """Everything as it was at the start, but for who is primary."""
    for node in pocket.nodes:
        running = node.faults.running
        node.faults.__init__()
        running.set()
        node.faults.running = running
        node.start()
    pocket.zone.fault.clear()
    await dns_records(pocket)
    pocket.deployment.credentials_are_known = True
    if pocket.deployment.kind == "replica" and pocket.deployment.primary is None:
        await pocket.deployment.step_down(0, to=pocket.nodes[0])


@order
async def counters(pocket, reset=False):
    said = [{"node": n.number, **n.counters.snapshot()} for n in pocket.nodes]
    if reset:
        for node in pocket.nodes:
            node.counters.reset()
    return said


@order
async def status(pocket):
    primary = pocket.deployment.primary
    return {"primary": None if primary is None else primary.number,
            "freezes": pocket.database.freezes, "dns_asked": pocket.zone.asked,
            "up": [n.is_up() for n in pocket.nodes],
            "transactions": len(pocket.deployment.transactions.keys() - pocket.deployment.ended)}


def _chosen(pocket, which):
    primary = pocket.deployment.primary
    if which is None:
        return list(pocket.nodes)
    if which == "primary":
        return [primary]
    if which == "secondary":
        return [next(n for n in pocket.nodes if n is not primary and n.is_up())]
    return [pocket.nodes[which]]


def _set(pocket, which, **values):
    for node in _chosen(pocket, which):
        for name, value in values.items():
            setattr(node.faults, name, value)


def _must_be(value, allowed):
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value


class ControlServer:
    def __init__(self, pocket):
        self.pocket = pocket

    async def start(self):
        self._server = await asyncio.start_server(self._on_caller, "127.0.0.1", 0,
                                                  limit=ORDER_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self):
        self._server.close()

    async def _on_caller(self, reader, writer):
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            while line := await reader.readline():
                writer.write(json.dumps(await self._obey(line)).encode() + b"\n")
        writer.close()

    async def _obey(self, line):
        try:
            said = json.loads(line)
            return {"ok": True, "said": await ORDERS[said.pop("do")](self.pocket, **said)}
        except Exception as wrong:  # the caller is told, whatever it was
            return {"ok": False, "error": f"{type(wrong).__name__}: {wrong}"}
