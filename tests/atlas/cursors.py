"""A node's cursors, or a connection's behind a load balancer. The members of a replica set count alike:
two of them issue the same id for different cursors, as real ones may."""
import itertools

from . import wire

FIRST_ID = 7_000_000_000_000_000_001


class Cursors:
    def __init__(self, ids=None):
        self._ids = ids or itertools.count(FIRST_ID)
        self._database_ids = {}  # ours -> the database's
        self._ours = {}  # the other way round

    def knows(self, cursor_id):
        return cursor_id in self._database_ids

    def outgoing(self, request):
        """The request as the database must see it."""
        if request.name == "getMore":
            begin = request.elements["getMore"][1]
            request.patch_int64(begin, self._database_ids[request.get("getMore")])
        elif request.name == "killCursors":
            document = request.document()
            document["cursors"] = [self._database_ids.get(i, i) for i in document["cursors"]]
            message = bytearray(wire.make_message(document, flags=request.flags))
            message[4:8] = request.raw[4:8]
            return message
        return request.raw

    def incoming(self, request, reply):
        """The reply as the client must see it."""
        if request.name == "killCursors":
            return self._killed(request, reply)
        if "cursor" in reply.elements:
            self._rename(request, reply)
        return reply.raw

    def _rename(self, request, reply):
        cursor_at = reply.elements["cursor"][1]
        inner = {e[0]: e[1:] for e in wire.walk(reply.raw, cursor_at)}
        if "id" not in inner:
            return
        database_id = wire.value_of(reply.raw, *inner["id"])
        if database_id:
            reply.patch_int64(inner["id"][1], self._ours_for(database_id))
        elif request.name == "getMore":
            self._forget(wire.INT64.unpack_from(request.raw, request.elements["getMore"][1])[0])

    def _ours_for(self, database_id):
        if database_id not in self._ours:
            ours = next(self._ids)
            self._ours[database_id], self._database_ids[ours] = ours, database_id
        return self._ours[database_id]

    def _forget(self, database_id):
        ours = self._ours.pop(database_id, None)
        self._database_ids.pop(ours, None)

    def _killed(self, request, reply):
        document = reply.document()
        for name in ("cursorsKilled", "cursorsNotFound", "cursorsAlive", "cursorsUnknown"):
            ids = list(document.get(name, []))
            document[name] = [self._ours.get(i, i) for i in ids]
            if name == "cursorsKilled":
                for database_id in ids:
                    self._forget(database_id)
        return wire.make_message(document, request.request_id)
