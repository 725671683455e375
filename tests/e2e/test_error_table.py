"""Every cell of README.md's table of errors: the document that comes to the driver, and what the driver
makes of it, in PyMongo and in Node. NEVER lists the cells that no fault can bring about."""
import dataclasses
import threading
import time

import pymongo
import pymongo.errors
import pytest

import table_clients
from atlas import Atlas
from table_clients import COMMANDS, DRIVERS, OPERATIONS

TABLE = table_clients.table()
# The cluster is noticed to change within seconds, and nothing waits for longer than a second.
QUICK = ("--upstream.heartbeatFrequencyMS=500", "--upstream.connectTimeoutMS=5000",
         "--pool.connectsPerSecond=50", "--outage.queueTimeoutMS=1000")
# Else a change stream that waits for events in vain would resume for ever.
LONGER_THAN_AWAIT_MS = table_clients.AWAIT_MS + 700
BY_DRIVERS = {"PyMongo": {"OperationFailure", "WriteError", "NotPrimaryError", "CursorNotFound",
                          "ExecutionTimeout", "WTimeoutError", "AutoReconnect"},
              "Node": {"MongoServerError"}}
CLOSED = {"PyMongo": "AutoReconnect", "Node": "MongoNetworkError"}
OF_DRIVERS = {"TRANSACTION_START": {"TransientTransactionError"},  # labels that they set themselves
              "TRANSACTION": {"TransientTransactionError"},
              "TRANSACTION_END": {"UnknownTransactionCommitResult"}}

TIME_PASSED = "not sent: its own maxTimeMS has passed"
BAD_PREFERENCE = "not sent: $readPreference cannot be read"
TRANSACTION_GONE = "not sent: the mongos that has the transaction is gone"
NO_CURSOR = "no server knows the cursor"
SERVER_GONE = "sent: the same, and the server has left the cluster"
GET_MORES = ("CHANGE_STREAM", "GET_MORE")
NEVER = [  # row, operations, drivers, why
    (TIME_PASSED, GET_MORES, DRIVERS,
     "the maxTimeMS of a getMore is how long the server waits for events, and no limit here"),
    (TIME_PASSED, ["UNACKNOWLEDGED"], ["PyMongo"],
     "its commands wait for a reply whatever their write concern, and its writes have no maxTimeMS"),
    (BAD_PREFERENCE, ["UNACKNOWLEDGED"], ["PyMongo"],
     "its commands wait for a reply whatever their write concern, and its writes check the mode"),
    (TRANSACTION_GONE, ["READ", "OTHER", "RETRYABLE_WRITE", *GET_MORES, "UNACKNOWLEDGED"], DRIVERS,
     "it is in no transaction (a transaction's getMore is a later statement)"),
    (TRANSACTION_GONE, ["TRANSACTION_START"], DRIVERS, "no mongos has the transaction yet"),
    (TRANSACTION_GONE, ["TRANSACTION_END"], DRIVERS, "any other mongos can end it"),
    (NO_CURSOR, [name for name in OPERATIONS if name not in GET_MORES], DRIVERS,
     "it has no cursor"),
]
covered = set()


@dataclasses.dataclass
class Cells:
    """Those of a row that can exist in a driver."""
    row: str
    driver: str

    @property
    def names(self):
        never = {name for row, names, drivers, _ in NEVER for name in names
                 if row == self.row and self.driver in drivers}
        return [name for name in OPERATIONS if name not in never]


def covers(row):
    """The test checks all cells of the row that NEVER does not list, in each driver."""
    covered.add(row)
    return pytest.mark.parametrize("cells", [Cells(row, driver) for driver in DRIVERS], ids=DRIVERS)


def test_no_cell_is_forgotten():
    assert covered == set(TABLE)
    for row, names, drivers, why in NEVER:
        assert row in TABLE and set(names) <= set(OPERATIONS) and set(drivers) <= set(DRIVERS)
        assert why != ""
    for row in TABLE:
        assert any(Cells(row, driver).names for driver in DRIVERS), f"{row} has no cell left"


def works(proxy, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            with proxy.client() as client:
                return client.admin.command("ping")
        except pymongo.errors.PyMongoError:
            assert time.monotonic() < end, proxy.said()[-3000:]
            time.sleep(0.1)


def nothing():
    pass


def go(proxy, cells, harm=nothing, then=nothing, fields=None):
    """All operations are prepared, then harm is done, then all are done at once, and then more harm.
    With fields they are plain commands that carry them."""
    works(proxy)
    clients = DRIVERS[cells.driver](proxy.uri(), cells.names, fields)
    harm()
    clients.begin()
    then()
    return clients.end()


def check(cells, said, is_thrown=True):
    """The first document is the table's, and so is what the driver raised in the end."""
    wrong = []
    for name in cells.names:
        documents = [d for d in said[name]["failures"] if d["command"] in COMMANDS]
        told = _check_documents(cells, name, documents)
        if told is None and is_thrown:
            told = _check_thrown(cells, name, said[name]["thrown"])
        wrong += [] if told is None else [f"{name}: {told}"]
    assert wrong == [], "\n".join(wrong)


def _cell(cells, name):
    """With its server a cursor is forgotten, and one that is not known may be a change stream's."""
    is_forgotten = cells.row == SERVER_GONE and name == "GET_MORE"
    return TABLE[cells.row]["CHANGE_STREAM" if is_forgotten else name]


def _check_documents(cells, name, documents):
    code, labels = _cell(cells, name)
    if code == 0:
        return documents or None
    if not documents:
        return "nothing came to the driver"
    first = documents[0]
    if code == "closed":  # what the driver says of it is its own
        return None if first["code"] is None else first
    is_by_server = cells.row == NO_CURSOR
    is_right = (first["code"] == code and set(first["labels"]) == labels
                and first["errmsg"].startswith("mooring: ") is not is_by_server)
    return None if is_right else first


def _check_thrown(cells, name, thrown):
    code, labels = _cell(cells, name)
    if code == 0:
        return thrown
    if name == "CHANGE_STREAM":  # it resumes by itself, if it can
        return None
    if thrown is None:
        return "the driver raised nothing"
    if code == "closed":
        is_right = thrown["name"] == CLOSED[cells.driver]
        wanted = OF_DRIVERS.get(name, set())
    else:
        is_right = thrown["name"] in BY_DRIVERS[cells.driver] and thrown["code"] == code
        wanted = labels & {"TransientTransactionError"}
        if name == "TRANSACTION_END" and code == 6 and "SystemOverloadedError" not in labels:
            wanted = OF_DRIVERS[name]
    return None if is_right and wanted <= set(thrown["labels"]) else thrown


@covers("not sent: no suitable server in time")
def test_no_suitable_server(start, atlas, cells):
    def harm():
        for node in range(3):
            atlas.kill(node=node)
    check(cells, go(start(*QUICK), cells, harm))


@covers("not sent: the server's pool stayed full")
def test_the_pool_stays_full(start, atlas, cells):
    """So long that it is no crowd, in which a change stream would only wait its turn."""
    proxy = start(*QUICK, "--pool.maxPoolSize=1", "--pool.waitQueueTimeoutMS=500")
    with proxy.client() as client:
        def harm():
            atlas.slow(seconds=3)
            blocker.start()
            time.sleep(0.3)

        def then():
            blocker.join(20)
            atlas.slow(seconds=0)
        blocker = threading.Thread(target=client.test.things.find_one)
        check(cells, go(proxy, cells, harm, then))


@covers("not sent: a queue or the buffers are full")
def test_the_queue_is_full(start, atlas, cells):
    def harm():
        for node in range(3):
            atlas.kill(node=node)
        time.sleep(1)  # until the monitors know it
    check(cells, go(start(*QUICK, "--outage.queueMaxOperations=0"), cells, harm))


@covers(TIME_PASSED)
def test_its_own_time_has_passed(start, atlas, cells):
    def harm():
        for node in range(3):
            atlas.kill(node=node)
        time.sleep(1)  # until the monitors know it: else it would have been sent
    proxy = start(*QUICK, "--outage.queueTimeoutMS=15000")
    check(cells, go(proxy, cells, harm, fields={"maxTimeMS": 400}))


@covers("not sent: the server refuses the login")
def test_the_login_is_refused(start, atlas, cells):
    def harm():
        atlas.forget_credentials()
        atlas.reset()
        time.sleep(1)
    check(cells, go(start(*QUICK, "--reconnect.maxMS=1000", "--reconnect.faultMS=1000"), cells, harm))


@covers(BAD_PREFERENCE)
def test_a_read_preference_that_cannot_be_read(start, cells):
    fields = {"$readPreference": {"mode": "nowhere"}}
    check(cells, go(start(*QUICK), cells, fields=fields))


@covers("not sent: Mooring is shutting down")
def test_mooring_shuts_down(start, atlas, cells):
    """They wait for a server when it ends; the driver's repeat meets a closed port."""
    proxy = start(*QUICK, "--outage.queueTimeoutMS=30000", "--drain.maxMS=500")

    def harm():
        for node in range(3):
            atlas.kill(node=node)
        time.sleep(1)  # until the monitors know it

    def end():
        time.sleep(1)
        proxy.process.terminate()
    check(cells, go(proxy, cells, harm, end), is_thrown=False)


def trip(atlas, how, size=0, nodes=(None,)):
    for node in nodes:
        for command in COMMANDS:  # a change stream resumes for ever if it is let
            atlas.trip(command=command, how=how, size=size, node=node,
                       times=len(GET_MORES) if command == "getMore" else 1000)


@covers("sent: the connection broke before the reply")
def test_the_connection_breaks(start, atlas, cells):
    proxy = start(*QUICK, "--outage.queueTimeoutMS=15000")
    check(cells, go(proxy, cells, lambda: trip(atlas, "reset")))


@covers("sent: the connection broke, or stopped, in the middle of a reply of over 64 KiB")
@pytest.mark.parametrize("how", ["cut", "stop"])
def test_a_large_reply_breaks(start, atlas, cells, how):
    """Whatever the command: a server may say a lot. A write's is held whole up to 1 MiB."""
    proxy = start(*QUICK, "--outage.queueTimeoutMS=15000",
                  f"--upstream.operationTimeoutMS={LONGER_THAN_AWAIT_MS}")
    check(cells, go(proxy, cells, lambda: trip(atlas, how, size=1_500_000)))


@covers("sent: no reply within upstream.operationTimeoutMS")
def test_no_reply_in_time(start, atlas, cells):
    """Each takes its connection with it, and logins are slow too: all are there before."""
    def harm():
        wait_for_connections(atlas, 20)
        atlas.slow(seconds=4)

    def then():
        time.sleep(1.5 * LONGER_THAN_AWAIT_MS / 1000)
        atlas.slow(seconds=0)  # what the drivers repeat is under way, and stays slow
    proxy = start(*QUICK, f"--upstream.operationTimeoutMS={LONGER_THAN_AWAIT_MS}",
                  "--pool.minPoolSize=20")
    check(cells, go(proxy, cells, harm, then))


def wait_for_connections(atlas, count):
    primary = atlas.status()["primary"]
    wait_until(lambda: atlas.counters()[primary]["authenticated"] >= count)


def wait_until(is_so):
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


@covers(SERVER_GONE)
def test_the_server_has_left(start, atlas, cells):
    """What may be repeated breaks at the next primary too."""
    primary = atlas.status()["primary"]

    def harm():
        wait_for_connections(atlas, 20)
        trip(atlas, "reset", nodes={0, 1, 2} - {primary})
        atlas.slow(node=primary, seconds=20)
        atlas.counters(reset=True)

    def asked():
        commands = atlas.counters()[primary]["commands"]
        return sum(commands.get(name, 0) for name in COMMANDS)

    def leave():
        wait_until(lambda: asked() >= len(cells.names))
        atlas.leave(node=primary)
        wait_until(lambda: "leaves: it is not listed any more" in proxy.said())
        atlas.kill(node=primary)
    proxy = start(*QUICK, "--pool.minPoolSize=20", "--outage.queueTimeoutMS=15000")
    check(cells, go(proxy, cells, harm, leave))


@pytest.fixture(scope="module")
def sharded():
    atlas = Atlas("mongos")
    yield atlas
    atlas.stop()


@covers(TRANSACTION_GONE)
def test_the_mongos_of_a_transaction_is_gone(start, sharded, cells):
    def harm():
        for node in range(2):
            sharded.kill(node=node)
        time.sleep(1)  # until the monitors know it
    sharded.heal()
    proxy = start(*QUICK, f"--tls.caFile={sharded.ca}", f"--dns.resolvers={sharded.dns}",
                  uri=sharded.srv_uri())
    check(cells, go(proxy, cells, harm))


@covers(NO_CURSOR)
def test_no_server_knows_the_cursor(start, atlas, cells):
    """The document is the server's own."""
    proxy = start(*QUICK)

    def harm():
        atlas.kill()
        atlas.restart()
        works(proxy)
    check(cells, go(proxy, cells, harm))
