"""What a node says of itself and the others, by horizon, as Atlas does: a client that asked for a
`.test` name is told `.test` names, one that came by an address is told addresses."""
import datetime

import bson

from . import wire
from .deployment import SET_NAME, now

NAMES = ("hello", "isMaster", "ismaster")


def say(node, request, by_name, connection_id):
    deployment = node.deployment
    writable = deployment.is_writable(node)
    reply = {"isWritablePrimary" if request.name == "hello" else "ismaster": writable}
    if request.get("helloOk"):
        reply["helloOk"] = True
    reply["topologyVersion"] = node.topology_version()
    if deployment.kind in ("mongos", "balanced"):
        reply["msg"] = "isdbgrid"
    elif deployment.kind == "replica":
        reply.update(_membership(node, by_name))
    if deployment.kind == "balanced" and request.get("loadBalanced"):
        reply["serviceId"] = deployment.services[connection_id % 2]
    reply.update(deployment.hello_base)
    reply.update(localTime=now(), connectionId=connection_id, readOnly=False, ok=1.0)
    return reply


def _membership(node, by_name):
    deployment = node.deployment
    is_primary = node is deployment.primary
    hosts = [n.name(by_name) for n in deployment.nodes if not n.faults.has_left]
    said = {"hosts": hosts, "setName": SET_NAME, "setVersion": 1, "secondary": not is_primary,
            "me": node.name(by_name),
            "tags": {"nodeType": "ELECTABLE", "workloadType": "OPERATIONAL", "node": str(node.number)},
            "lastWrite": _last_write(node, is_primary)}
    if deployment.primary is not None:
        said["primary"] = deployment.primary.name(by_name)
    if is_primary:
        said["electionId"] = deployment.election_id()
    return said


def _last_write(node, is_primary):
    at = now() - datetime.timedelta(seconds=0 if is_primary else node.faults.lag)
    op_time = {"ts": bson.Timestamp(int(at.timestamp()), 1), "t": bson.Int64(node.deployment.term)}
    return {"opTime": op_time, "lastWriteDate": at, "majorityOpTime": op_time,
            "majorityWriteDate": at}


def waits(node, request):
    """Seconds that an awaitable hello waits for a change; 0 for an ordinary one."""
    version, most = request.get("topologyVersion"), request.get("maxAwaitTimeMS")
    if version is None or most is None:
        return 0
    mine = node.topology_version()
    is_same = version["processId"] == mine["processId"] and version["counter"] == mine["counter"]
    return most / 1000 if is_same else 0


def streamed(reply_document, previous_id, is_last):
    return wire.make_message(reply_document, previous_id, 0 if is_last else wire.MORE_TO_COME)
