"""One operation of each kind that the table of errors knows, prepared before a fault and done in
it: by PyMongo here, by Node in a process of its own. Both say which error documents came to the driver
and what the driver raised."""
import json
import os
import re
import subprocess
import threading
import uuid

import bson
import pymongo
import pymongo.errors
from pymongo import monitoring

from clients_run import CLIENTS, NODE
from conftest import ROOT

# In the order of the table's columns.
OPERATIONS = ["READ", "OTHER", "RETRYABLE_WRITE", "TRANSACTION_START", "TRANSACTION",
              "TRANSACTION_END", "CHANGE_STREAM", "GET_MORE", "UNACKNOWLEDGED"]
COMMANDS = ["find", "update", "insert", "commitTransaction", "getMore"]
LETTERS = {"W": {"RetryableWriteError"}, "N": {"NoWritesPerformed"},
           "T": {"TransientTransactionError"}, "C": {"ResumableChangeStreamError"},
           "O": {"SystemOverloadedError", "RetryableError"}}
ACT_SECONDS = 60
AWAIT_MS = 1500  # longer than an outage that is noticed at once, as errors.js has it


def table():
    """README.md's table: {row: {operation: (code, labels)}}; a code of 0 says nothing."""
    text = (ROOT / "README.md").read_text()
    lines = re.search(r"errors:begin -->\n(.*?)\n\n", text, re.DOTALL).group(1).splitlines()[2:]
    rows = {}
    for line in lines:
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[name] = dict(zip(OPERATIONS, map(_cell, cells), strict=True))
    return rows


def _cell(text):
    code, *letters = text.split()
    labels = set().union(*(LETTERS[letter] for letter in letters))
    return (0 if code == "–" else code if code == "closed" else int(code)), labels


class _Failures(monitoring.CommandListener):
    def __init__(self):
        self.documents = []

    def started(self, event):
        pass

    succeeded = started

    def failed(self, event):
        said = event.failure
        self.documents.append({"command": event.command_name, "code": said.get("code"),
                               "errmsg": said.get("errmsg"),
                               "labels": said.get("errorLabels", [])})


class _Operation:
    def __init__(self, uri, name):
        self.failures, self.thrown, self.ended = _Failures(), None, False
        self.client = pymongo.MongoClient(uri, event_listeners=[self.failures],
                                          serverSelectionTimeoutMS=5000)
        self.things = self.client[f"e{uuid.uuid4().hex[:8]}{name}"].things
        self.things.insert_many([{"_id": n} for n in range(6)])
        self.act = getattr(self, f"_prepare_{name.lower()}")()
        self.failures.documents.clear()

    def run(self):
        try:
            self.act()
        except pymongo.errors.PyMongoError as wrong:
            labels = ["RetryableWriteError", "NoWritesPerformed", "TransientTransactionError",
                      "UnknownTransactionCommitResult"]
            self.thrown = {"name": type(wrong).__name__, "code": getattr(wrong, "code", None),
                           "labels": [label for label in labels if wrong.has_error_label(label)]}
        self.ended = True

    def said(self):
        return {"failures": self.failures.documents, "thrown": self.thrown}

    def _prepare_read(self):
        return lambda: self.things.find_one({"_id": 1})

    def _prepare_other(self):
        return lambda: self.things.update_many({}, {"$set": {"a": 1}})

    def _prepare_retryable_write(self):
        return lambda: self.things.insert_one({"_id": "new"})

    def _begin(self):
        session = self.client.start_session()
        session.start_transaction()
        return session

    def _prepare_transaction_start(self):
        session = self._begin()
        return lambda: self.things.insert_one({"_id": "new"}, session=session)

    def _prepare_transaction(self):
        session = self._begin()
        self.things.insert_one({"_id": "first"}, session=session)
        return lambda: self.things.insert_one({"_id": "new"}, session=session)

    def _prepare_transaction_end(self):
        session = self._begin()
        self.things.insert_one({"_id": "first"}, session=session)
        return session.commit_transaction

    def _prepare_change_stream(self):
        stream = self.things.watch(max_await_time_ms=AWAIT_MS)
        stream.try_next()
        return stream.try_next

    def _prepare_get_more(self):
        cursor = self.things.find(batch_size=2)
        cursor.next()
        cursor.next()
        return cursor.next

    def _prepare_unacknowledged(self):
        silent = self.things.with_options(write_concern=pymongo.WriteConcern(w=0))
        return lambda: silent.insert_one({"_id": "new"})


class _ByCommand(_Operation):
    """The same as plain commands with fields of the test's own. The driver repeats none."""

    def __init__(self, uri, name, fields):
        self.fields = fields
        super().__init__(uri, name)

    def _command(self, command, session=None):
        database = self.client.admin if "commitTransaction" in command else self.things.database
        return lambda: database.command({**command, **self.fields}, session=session)

    def _insert(self, session, **more):
        insert = {"insert": "things", "documents": [{"_id": "new"}], **more}
        return self._command(insert, session)

    def _get_more(self, command):
        session = self.client.start_session()
        cursor = self.things.database.command(command, session=session)["cursor"]["id"]
        return self._command({"getMore": bson.Int64(cursor), "collection": "things"}, session)

    def _prepare_read(self):
        return self._command({"find": "things"})

    def _prepare_other(self):
        every = {"q": {}, "u": {"$set": {"a": 1}}, "multi": True}
        return self._command({"update": "things", "updates": [every]})

    def _prepare_retryable_write(self):
        return self._insert(self.client.start_session(), txnNumber=bson.Int64(1))

    def _prepare_transaction_start(self):
        return self._insert(self._begin())

    def _prepare_transaction(self):
        session = self._begin()
        self.things.insert_one({"_id": "first"}, session=session)
        return self._insert(session)

    def _prepare_transaction_end(self):
        session = self._begin()
        self.things.insert_one({"_id": "first"}, session=session)
        return self._command({"commitTransaction": 1}, session)

    def _prepare_change_stream(self):
        return self._get_more({"aggregate": "things", "pipeline": [{"$changeStream": {}}],
                               "cursor": {}})

    def _prepare_get_more(self):
        return self._get_more({"find": "things", "batchSize": 2})


class InPython:
    def __init__(self, uri, names, fields=None):
        self.operations = {name: _Operation(uri, name) if fields is None
                           else _ByCommand(uri, name, fields) for name in names}

    def begin(self):
        self.threads = [threading.Thread(target=operation.run, daemon=True)
                        for operation in self.operations.values()]
        for thread in self.threads:
            thread.start()

    def end(self):
        for thread in self.threads:
            thread.join(ACT_SECONDS)
        assert all(operation.ended for operation in self.operations.values())
        said = {name: operation.said() for name, operation in self.operations.items()}
        for operation in self.operations.values():
            operation.client.close()
        return said


class InNode:
    def __init__(self, uri, names, fields=None):
        arguments = [uri, ",".join(names), *([] if fields is None else [json.dumps(fields)])]
        self.process = subprocess.Popen(
            [NODE, CLIENTS / "node/errors.js", *arguments], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(ROOT / "build/node/node_modules")})
        line = self.process.stdout.readline()
        assert line == "READY\n", line + self.process.stdout.read()

    def begin(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self):
        said, _ = self.process.communicate(timeout=ACT_SECONDS)
        return json.loads(said)


DRIVERS = {"PyMongo": InPython, "Node": InNode}
