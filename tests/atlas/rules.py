"""What a real node would refuse. One database stands behind all nodes, so without these rules a
request that was sent to the wrong one would still be answered."""
import asyncio
import time

import bson

WRITES = frozenset("""
    insert update delete findAndModify findandmodify bulkWrite create createIndexes drop
    dropDatabase dropIndexes deleteIndexes collMod renameCollection convertToCapped createUser
    updateUser dropUser commitTransaction abortTransaction""".split())
READS = frozenset("""
    find aggregate count distinct mapReduce listCollections listIndexes listDatabases collStats
    dbStats explain validate dbHash""".split())
ENDS = ("commitTransaction", "abortTransaction")


def error(code, code_name, text, labels=()):
    said = {"ok": 0.0, "errmsg": text, "code": code, "codeName": code_name}
    return {**said, "errorLabels": list(labels)} if labels else said


def transaction_of(request):
    """(lsid, txnNumber) of a statement of a transaction, else None."""
    if request.get("autocommit") is not False:
        return None
    return bytes(request.get("lsid")["id"]), int(request.get("txnNumber"))


def refusal(caller, request):
    """The error document that the caller's node answers by itself, or None to forward."""
    node = caller.node
    kind = node.deployment.kind
    refused = None
    if kind == "standalone":
        refused = _not_for_standalone(request)
    elif kind == "balanced":
        refused = _not_greeted(caller)
    elif kind == "replica" and node is not node.deployment.primary:
        refused = _not_primary(request)
        if refused is not None:
            refused["topologyVersion"] = node.topology_version()
    return refused or _no_cursor(caller, request) or _no_transaction(caller, request)


def _not_for_standalone(request):
    if "txnNumber" in request.elements:
        return error(20, "IllegalOperation",
                     "Transaction numbers are only allowed on a replica set member or mongos")
    if request.name == "aggregate" and b"$changeStream" in request.raw and any(
            "$changeStream" in stage for stage in request.get("pipeline") or ()):
        return error(40573, "Location40573",
                     "The $changeStream stage is only supported on replica sets")
    return None


def _not_greeted(caller):
    return None if caller.is_greeted else not_balanced()


def not_balanced():
    """Said to who comes through a load balancer and does not know it; then the node closes."""
    return error(354, "LoadBalancerSupportMismatch",
                 "The server is being accessed through a load balancer, but this driver does not "
                 "have load balancing enabled")


def _not_primary(request):
    preference = request.get("$readPreference")
    is_for_any = preference is not None and preference["mode"] != "primary"
    # Since 5.0 a secondary takes $out and $merge from who says that it may, and writes by itself
    # to the primary.
    is_write = request.name in WRITES or (_has_write_stage(request) and not is_for_any)
    if is_write or "autocommit" in request.elements:
        return error(10107, "NotWritablePrimary", "not primary", _labels(request))
    if request.name in READS:
        if not is_for_any:
            return error(13435, "NotPrimaryNoSecondaryOk", "not primary and secondaryOk=false",
                         _labels(request))
    return None


def _labels(request):
    """mongod labels its own state changes where a retry is safe."""
    if "autocommit" in request.elements and request.name not in ENDS:
        return ["TransientTransactionError"]
    return ["RetryableWriteError"] if "txnNumber" in request.elements else []


def _has_write_stage(request):
    if request.name != "aggregate" or not (b"$out" in request.raw or b"$merge" in request.raw):
        return False
    stages = request.get("pipeline")
    return bool(stages) and next(iter(stages[-1])) in ("$out", "$merge")


def _no_cursor(caller, request):
    if request.name != "getMore":
        return None
    asked = request.get("getMore")
    if caller.cursors.knows(asked):
        return None
    return error(43, "CursorNotFound", f"cursor id {asked} not found")


def _no_transaction(caller, request):
    key = transaction_of(request)
    if key is None or request.get("startTransaction"):
        return None
    deployment = caller.node.deployment
    began_at = deployment.transactions.get(key)
    can_recover = request.name == "commitTransaction" and "recoveryToken" in request.elements
    is_elsewhere = began_at is not caller.transaction_owner() and not can_recover
    if began_at is None or is_elsewhere:
        return error(251, "NoSuchTransaction",
                     f"Given transaction number {key[1]} does not match any in-progress "
                     "transactions.", ["TransientTransactionError"])
    return None


async def wait_for_lag(node, request):
    """A lagging secondary answers a causally consistent read once it has caught up."""
    concern = request.get("readConcern") if "readConcern" in request.elements else None
    after = (concern or {}).get("afterClusterTime")
    if node.faults.lag and after is not None and not node.deployment.is_writable(node):
        behind = after.time + node.faults.lag - time.time()
        await asyncio.sleep(max(0, behind))


def note_forwarded(caller, request):
    key = transaction_of(request)
    if key is not None:
        caller.node.deployment.note_transaction(
            caller.transaction_owner(), key, request.get("startTransaction"), request.name in ENDS)
    preference = request.get("$readPreference")
    if preference is not None:
        caller.node.counters.preferences[preference["mode"]] += 1


def recovery_token(node, request, reply):
    """A mongos adds one to every reply within a transaction."""
    if node.deployment.kind in ("mongos", "balanced") and transaction_of(request) is not None:
        document = reply.document()
        document["recoveryToken"] = {"recoveryShardId": bson.ObjectId(b"\x01" * 12)}
        return document
    return None
