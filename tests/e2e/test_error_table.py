"""Every cell of README.md's table of errors that a fault can bring about: the document that comes
to the driver, and what the driver makes of it, in PyMongo and in Node."""
import threading
import time

import pymongo
import pymongo.errors
import pytest

import table_clients
from table_clients import COMMANDS, DRIVERS, OPERATIONS

TABLE = table_clients.table()
# The cluster is noticed to change within seconds, and nothing waits for longer than a second.
QUICK = ("--upstream.heartbeatFrequencyMS=500", "--upstream.connectTimeoutMS=5000",
         "--pool.connectsPerSecond=50", "--outage.queueTimeoutMS=1000")
BY_DRIVERS = {"PyMongo": {"OperationFailure", "WriteError", "NotPrimaryError", "CursorNotFound",
                          "ExecutionTimeout", "WTimeoutError", "AutoReconnect"},
              "Node": {"MongoServerError"}}


def works(proxy, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            with proxy.client() as client:
                return client.admin.command("ping")
        except pymongo.errors.PyMongoError:
            assert time.monotonic() < end, proxy.said()[-3000:]
            time.sleep(0.1)


def go(proxy, driver, harm, names=OPERATIONS):
    """All operations are prepared, then harm is done, then all are done at once."""
    works(proxy)
    clients = DRIVERS[driver](proxy.uri(), names)
    harm()
    clients.begin()
    return clients.end()


def check(row, said, driver, names=OPERATIONS, is_thrown=True):
    """The first document is the table's, and so is what the driver raised in the end."""
    wrong = []
    for name in names:
        documents = [d for d in said[name]["failures"] if d["command"] in COMMANDS]
        told = _check_documents(TABLE[row][name], documents)
        if told is None and is_thrown:
            told = _check_thrown(driver, name, TABLE[row][name], said[name]["thrown"])
        wrong += [] if told is None else [f"{name}: {told}"]
    assert wrong == [], "\n".join(wrong)


def _check_documents(cell, documents):
    code, labels = cell
    if code == 0:
        return documents or None
    if not documents:
        return "nothing came to the driver"
    first = documents[0]
    is_right = (first["code"] == code and set(first["labels"]) == labels
                and first["errmsg"].startswith("mooring: "))
    return None if is_right else first


def _check_thrown(driver, name, cell, thrown):
    code, labels = cell
    if code == 0:
        return thrown
    if name == "CHANGE_STREAM":  # it resumes by itself, if it can
        return None
    if thrown is None or thrown["name"] not in BY_DRIVERS[driver] or thrown["code"] != code:
        return thrown or "the driver raised nothing"
    wanted = labels & {"TransientTransactionError"}
    if name == "TRANSACTION_END" and code == 6 and "SystemOverloadedError" not in labels:
        wanted = {"UnknownTransactionCommitResult"}  # the driver's own
    return None if wanted <= set(thrown["labels"]) else thrown


@pytest.fixture(params=DRIVERS)
def driver(request):
    return request.param


def test_no_suitable_server(start, atlas, driver):
    def harm():
        for node in range(3):
            atlas.kill(node=node)
    check("not sent: no suitable server in time", go(start(*QUICK), driver, harm), driver)


def test_the_pool_stays_full(start, atlas, driver):
    """A change stream waits its turn, and gets an empty batch when that has not come in time."""
    names = [name for name in OPERATIONS if name != "CHANGE_STREAM"]
    proxy = start(*QUICK, "--pool.maxPoolSize=1", "--pool.waitQueueTimeoutMS=500")
    with proxy.client() as client:
        def harm():
            atlas.slow(seconds=4)
            blocker.start()
            time.sleep(0.3)
        blocker = threading.Thread(target=client.test.things.find_one)
        said = go(proxy, driver, harm, names)
        blocker.join(20)
    check("not sent: the server's pool stayed full", said, driver, names)


def test_the_queue_is_full(start, atlas, driver):
    def harm():
        for node in range(3):
            atlas.kill(node=node)
        time.sleep(1)  # until the monitors know it
    proxy = start(*QUICK, "--outage.queueMaxOperations=0")
    check("not sent: a queue or the buffers are full", go(proxy, driver, harm), driver)


def test_the_login_is_refused(start, atlas, driver):
    def harm():
        atlas.forget_credentials()
        atlas.reset()
        time.sleep(1)
    proxy = start(*QUICK, "--reconnect.maxMS=1000")
    check("not sent: the server refuses the login", go(proxy, driver, harm), driver)


def test_mooring_shuts_down(start, atlas, driver):
    """They wait for a server when it ends; the driver's repeat meets a closed port."""
    proxy = start(*QUICK, "--outage.queueTimeoutMS=30000", "--drain.maxMS=500")
    works(proxy)
    clients = DRIVERS[driver](proxy.uri(), OPERATIONS)
    for node in range(3):
        atlas.kill(node=node)
    time.sleep(1)  # until the monitors know it
    clients.begin()
    time.sleep(1)
    proxy.process.terminate()
    check("not sent: Mooring is shutting down", clients.end(), driver, is_thrown=False)


def test_the_connection_breaks(start, atlas, driver):
    def harm():
        for command in COMMANDS:  # a change stream resumes for ever if it is let
            atlas.trip(command=command, how="reset", times=4 if command == "getMore" else 1000)
    proxy = start(*QUICK, "--outage.queueTimeoutMS=15000")
    check("sent: the connection broke before the reply", go(proxy, driver, harm), driver)


def test_no_reply_in_time(start, atlas, driver):
    """Each takes its connection with it, and logins are slow too: all are there before."""
    def harm():
        wait_for_connections(atlas, 20)
        atlas.slow(seconds=2)
    proxy = start(*QUICK, "--upstream.operationTimeoutMS=700", "--pool.minPoolSize=20")
    check("sent: no reply within upstream.operationTimeoutMS", go(proxy, driver, harm), driver)


def wait_for_connections(atlas, count):
    end, primary = time.monotonic() + 20, atlas.status()["primary"]
    while atlas.counters()[primary]["authenticated"] < count:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_large_reply_breaks(start, atlas):
    with start(*QUICK).client(retryReads=False) as client:
        client.test.large.drop()
        client.test.large.insert_one({"_id": 1, "x": "x" * 300_000})
        atlas.trip(command="find", how="cut")
        with pytest.raises(pymongo.errors.AutoReconnect):
            client.test.large.find_one({"_id": 1})
        row = next(name for name in TABLE if "in the middle of a reply" in name)
        assert TABLE[row]["READ"] == ("closed", set())
        client.test.large.drop()


def test_its_own_time_has_passed(start, atlas):
    with start(*QUICK, "--outage.queueTimeoutMS=5000").client(retryReads=False) as client:
        client.test.things.find_one()
        for node in range(3):
            atlas.kill(node=node)
        time.sleep(1)  # until the monitors know it: else it would have been sent
        began = time.monotonic()
        with pytest.raises(pymongo.errors.ExecutionTimeout) as caught:
            list(client.test.things.find(max_time_ms=400))
        assert caught.value.code == TABLE["not sent: its own maxTimeMS has passed"]["READ"][0]
        assert time.monotonic() - began < 2
