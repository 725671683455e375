// What a shell user does every day.
load(require("path").join(__dirname, "run.js"));

function things(count, modulus) {
    const made = [];
    for (let i = 0; i < count; i++) {
        made.push({ _id: i, n: i % modulus });
    }
    return made;
}

function shell(own) {
    assert.equal(db.hello().isWritablePrimary, true);
    own.seen.insertOne({ _id: 1 });
    assert.deepEqual(own.getCollectionNames(), ["seen"]);
    const names = db.adminCommand({ listDatabases: 1, nameOnly: true }).databases
        .map((one) => one.name);
    assert.ok(names.includes(own.getName()), String(names));
    if (!process.env.STRICT_API) {
        assert.ok(/^\d+\.\d+/.test(db.version()));
    }
    assert.ok(own.seen.find({ _id: 1 }).explain().ok === 1);
}

function crud(own) {
    own.crud.insertOne({ _id: -1, n: 0 });
    own.crud.insertMany(things(20, 3));
    assert.equal(own.crud.findOne({ _id: 7 }).n, 1);
    assert.equal(own.crud.updateMany({ n: 1 }, { $set: { n: 9 } }).modifiedCount, 7);
    assert.equal(own.crud.replaceOne({ _id: 2 }, { n: 5 }).modifiedCount, 1);
    const upsert = own.crud.updateOne({ _id: 99 }, { $inc: { n: 1 } }, { upsert: true });
    assert.equal(upsert.insertedId, 99);
    const after = own.crud.findOneAndUpdate({ _id: 99 }, { $inc: { n: 1 } },
        { returnDocument: "after" });
    assert.equal(after.n, 2);
    assert.equal(own.crud.deleteMany({ n: 9 }).deletedCount, 7);
    assert.equal(own.crud.countDocuments(), 15);
}

function aggregation(own) {
    own.aggregation.insertMany(things(1000, 10));
    const groups = own.aggregation.aggregate([
        { $match: { n: { $lt: 5 } } },
        { $group: { _id: "$n", sum: { $sum: "$_id" } } },
        { $sort: { _id: 1 } },
    ]).toArray();
    assert.deepEqual(groups.map((group) => group.sum), [49500, 49600, 49700, 49800, 49900]);
    own.aggregation.aggregate([{ $match: { n: 3 } }, { $merge: { into: "merged" } }]);
    assert.equal(own.merged.countDocuments(), 100);
}

function cursors(own) {
    own.cursors.insertMany(things(1000, 7));
    const one = own.cursors.find().sort({ _id: 1 }).batchSize(50);
    const two = own.cursors.find().sort({ _id: -1 }).batchSize(70);
    for (let i = 0; i < 1000; i++) {
        assert.equal(one.next()._id, i);
        assert.equal(two.next()._id, 999 - i);
    }
    assert.equal(one.hasNext(), false);
    const half = own.cursors.find().batchSize(10);
    half.next();
    half.close();
    assert.equal(own.cursors.find().itcount(), 1000);
}

function bulk(own) {
    const done = own.bulk.bulkWrite([
        { insertOne: { document: { _id: 1 } } },
        { insertOne: { document: { _id: 2 } } },
        { updateMany: { filter: {}, update: { $set: { n: 1 } } } },
        { replaceOne: { filter: { _id: 3 }, replacement: { n: 3 }, upsert: true } },
        { deleteOne: { filter: { _id: 1 } } },
    ]);
    assert.deepEqual([done.insertedCount, done.modifiedCount, done.upsertedCount,
        done.deletedCount], [2, 2, 1, 1]);
    const error = rejected(() =>
        own.bulk.insertMany([{ _id: 2 }, { _id: 4 }, { _id: 3 }], { ordered: false }));
    assert.equal(error.name, "MongoBulkWriteError");
    assert.equal(error.code, 11000);
    assert.equal(own.bulk.countDocuments(), 3);
    const batch = own.bulk.initializeOrderedBulkOp();
    batch.insert({ _id: 10 });
    batch.find({ _id: 10 }).updateOne({ $set: { n: 10 } });
    assert.equal(batch.execute().modifiedCount, 1);
}

function indexes(own) {
    own.indexes.createIndex({ name: 1 }, { unique: true });
    own.indexes.createIndexes([{ a: 1, b: -1 }]);
    assert.deepEqual(own.indexes.getIndexes().map((index) => index.name).sort(),
        ["_id_", "a_1_b_-1", "name_1"]);
    own.indexes.insertOne({ name: "x" });
    assert.equal(rejected(() => own.indexes.insertOne({ name: "x" })).code, 11000);
    own.indexes.dropIndex("name_1");
    own.indexes.insertOne({ name: "x" });
    assert.equal(own.indexes.getIndexes().length, 2);
}

// Ended also when the check fails: a transaction left open would hold up the checks that follow.
function inSession(work) {
    const session = db.getMongo().startSession({ causalConsistency: true });
    try {
        work(session);
    } finally {
        session.endSession();
    }
}

function sessions(own) {
    inSession((session) => {
        const inside = session.getDatabase(own.getName()).sessions;
        for (let i = 0; i < 10; i++) {
            inside.insertOne({ _id: i });
            assert.equal(inside.findOne({ _id: i })._id, i);
        }
        assert.ok(session.getOperationTime(), "operationTime was learnt");
    });
}

function transactions(own) {
    own.createCollection("one");
    own.createCollection("two");
    inSession((session) => {
        const inside = session.getDatabase(own.getName());
        session.startTransaction();
        inside.one.insertOne({ _id: 1 });
        inside.two.insertOne({ _id: 1 });
        assert.equal(own.one.countDocuments(), 0, "nobody else sees it before the commit");
        session.commitTransaction();
        session.startTransaction();
        inside.one.insertOne({ _id: 2 });
        session.abortTransaction();
        session.withTransaction(() => {
            inside.two.updateOne({ _id: 1 }, { $set: { n: 1 } });
            inside.one.deleteOne({ _id: 1 });
        });
    });
    assert.equal(own.one.countDocuments(), 0);
    assert.deepEqual(own.two.find().toArray(), [{ _id: 1, n: 1 }]);
}

function transactionConflict(own) {
    own.conflict.insertOne({ _id: 1 });
    inSession((first) => inSession((second) => {
        first.startTransaction();
        second.startTransaction();
        first.getDatabase(own.getName()).conflict.updateOne({ _id: 1 }, { $set: { by: 1 } });
        const error = rejected(() => second.getDatabase(own.getName()).conflict
            .updateOne({ _id: 1 }, { $set: { by: 2 } }));
        assert.equal(error.code, 112);
        second.abortTransaction();
        first.commitTransaction();
    }));
    assert.equal(own.conflict.findOne().by, 1);
}

function changeStreams(own) {
    own.createCollection("watched");
    const stream = own.watched.watch([], { maxAwaitTimeMS: 200 });
    assert.equal(stream.tryNext(), null, "the server's cursor is open");
    own.watched.insertOne({ _id: 1 });
    own.watched.deleteOne({ _id: 1 });
    const first = stream.next();
    assert.equal(first.operationType, "insert");
    stream.close();
    const resumed = own.watched.watch([], { resumeAfter: first._id });
    assert.equal(resumed.next().operationType, "delete");
    resumed.close();
}

function unacknowledged(own) {
    own.createCollection("unacknowledged");
    for (let i = 0; i < 30; i++) {
        own.unacknowledged.insertOne({ _id: i }, { writeConcern: { w: 0 } });
    }
    const end = Date.now() + 10000;
    while (own.unacknowledged.countDocuments() !== 30) {
        assert.ok(Date.now() < end, "unacknowledged writes arrive");
    }
}

function errors(own) {
    own.errors.insertMany(things(1000, 7));
    const duplicate = rejected(() => own.errors.insertOne({ _id: 1 }));
    assert.equal(duplicate.name, "MongoServerError");
    assert.equal(duplicate.code, 11000);
    const unknown = rejected(() => own.runCommand({ noSuchCommand: 1 }));
    assert.equal(unknown.name, "MongoServerError");
    assert.equal(unknown.codeName, "CommandNotFound");
    const pairs = [{ $lookup: { from: "errors", pipeline: [], as: "all" } }, { $count: "n" }];
    const late = rejected(() => own.errors.aggregate(pairs, { maxTimeMS: 1 }).toArray());
    assert.equal(late.codeName, "MaxTimeMSExpired");
    assert.equal(own.errors.countDocuments(), 1000, "the connection goes on working");
}

// With apiStrict the server itself must have heard of it: it refuses what is not in version 1.
function serverApi(own) {
    own.api.insertOne({ _id: 1 });
    if (process.env.STRICT_API) {
        assert.equal(rejected(() => own.api.distinct("_id")).codeName, "APIStrictError");
    } else {
        assert.deepEqual(own.api.distinct("_id"), [1]);
    }
}

run({ shell, crud, aggregation, cursors, bulk, indexes, sessions, transactions,
    transactionConflict, changeStreams, unacknowledged, errors, serverApi });
