"""What the nodes are together: a replica set, mongoses, mongoses behind a load balancer, or a
standalone; who is primary; elections; the transactions that are known."""
import asyncio
import datetime
import itertools

import bson

from .cursors import FIRST_ID

KINDS = ("replica", "mongos", "balanced", "standalone")
SET_NAME = "atlas-pocket-shard-0"


class Deployment:
    def __init__(self, kind, database):
        if kind not in KINDS:
            raise ValueError(f"the kind is one of {KINDS}")
        self.kind, self.database = kind, database
        self.nodes = []
        self.primary = None
        self.term = 0
        self.hello_base = {}
        self.credentials_are_known = True
        self.transactions = {}  # (lsid, txnNumber) -> who began it: a node, or a connection
        self.ended = set()  # those that were committed or aborted
        self.services = [bson.ObjectId(), bson.ObjectId()]  # the mongoses behind a load balancer
        self.cursor_ids = itertools.count(FIRST_ID)  # theirs
        self._changed = asyncio.Event()

    async def start(self):
        hello = await self.database.service.command({"hello": 1, "$db": "admin"})
        kept = ("maxBsonObjectSize", "maxMessageSizeBytes", "maxWriteBatchSize",
                "logicalSessionTimeoutMinutes", "minWireVersion", "maxWireVersion")
        self.hello_base = {name: hello[name] for name in kept}
        if self.kind == "replica":
            self._crown(self.nodes[0])

    def is_writable(self, node):
        return self.kind != "replica" or node is self.primary

    def election_id(self):
        return bson.ObjectId(bytes.fromhex("7fffffff") + self.term.to_bytes(8, "big"))

    # --- changes that awaited hellos wait for

    def announce(self):
        for node in self.nodes:
            node.topology_counter += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for_change(self, seconds):
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except asyncio.TimeoutError:
            pass

    def _crown(self, node):
        self.primary = node
        self.term += 1
        self.announce()

    # --- elections

    async def step_down(self, seconds, to=None):
        """No primary for `seconds`, then another one (`to`, or the next that is up)."""
        old = self.primary
        self.primary = None
        self.announce()
        await self.end_transactions()
        await asyncio.sleep(seconds)
        others = [n for n in self.nodes
                  if n is not old and n.is_up() and not n.faults.has_left]
        if to is None and not others:
            raise RuntimeError("no other node is up")
        self._crown(to or others[0])

    # --- transactions

    def note_transaction(self, owner, key, starts, ends):
        if starts:
            self.transactions[key] = owner
        elif ends:
            self.ended.add(key)  # still known: it may be ended once more

    async def end_transactions(self, owner=None):
        """Those of an owner, or all, as far as they are open."""
        for key in [k for k, o in self.transactions.items()
                    if k not in self.ended and owner in (None, o)]:
            del self.transactions[key]  # from now on there is no such transaction
            try:
                await self.database.service.command({
                    "abortTransaction": 1, "autocommit": False, "txnNumber": bson.Int64(key[1]),
                    "lsid": {"id": bson.Binary(key[0], 4)}, "$db": "admin"})
            except ConnectionError:
                pass  # it was not open any more


def now():
    return datetime.datetime.now(datetime.timezone.utc)
