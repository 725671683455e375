// node errors.js URI OPERATION,… [FIELDS]: prepares each operation with a client of its own, prints READY,
// and does them all at once when a line comes on standard input. Then one JSON line: for each the error
// documents that came to the driver, and what the driver threw. With FIELDS (JSON) the operations are plain
// commands that carry them.
'use strict';
const readline = require('readline');
const { Long, MongoClient } = require('mongodb');

const PREPARE = {
  async READ(client, things) {
    return () => things.findOne({ _id: 1 });
  },
  async OTHER(client, things) {
    return () => things.updateMany({}, { $set: { a: 1 } });
  },
  async RETRYABLE_WRITE(client, things) {
    return () => things.insertOne({ _id: 'new' });
  },
  async TRANSACTION_START(client, things) {
    const session = client.startSession();
    session.startTransaction();
    return () => things.insertOne({ _id: 'new' }, { session });
  },
  async TRANSACTION(client, things) {
    const session = client.startSession();
    session.startTransaction();
    await things.insertOne({ _id: 'first' }, { session });
    return () => things.insertOne({ _id: 'new' }, { session });
  },
  async TRANSACTION_END(client, things) {
    const session = client.startSession();
    session.startTransaction();
    await things.insertOne({ _id: 'first' }, { session });
    return () => session.commitTransaction();
  },
  async CHANGE_STREAM(client, things) {
    const stream = things.watch([], { maxAwaitTimeMS: 1500 });
    await stream.tryNext();
    return () => stream.tryNext();
  },
  async GET_MORE(client, things) {
    const cursor = things.find({}, { batchSize: 2 });
    await cursor.next();
    await cursor.next();
    return () => cursor.next();
  },
  async UNACKNOWLEDGED(client, things) {
    return () => things.insertOne({ _id: 'new' }, { writeConcern: { w: 0 } });
  },
};

function byCommand(fields) {
  const command = (client, things, said, session) => {
    const database = client.db(said.commitTransaction ? 'admin' : things.dbName);
    return () => database.command({ ...said, ...fields }, { session });
  };
  const insert = (client, things, session, more) => command(
    client, things, { insert: 'things', documents: [{ _id: 'new' }], ...more }, session);
  const getMore = async (client, things, said) => {
    const session = client.startSession();
    const { cursor } = await client.db(things.dbName).command(said, { session });
    return command(client, things, {
      getMore: Long.fromValue(cursor.id), collection: 'things',
    }, session);
  };
  const begin = async (client, things) => {
    const session = client.startSession();
    session.startTransaction();
    await things.insertOne({ _id: 'first' }, { session });
    return session;
  };
  return {
    READ: async (client, things) => command(client, things, { find: 'things' }),
    OTHER: async (client, things) => command(client, things, {
      update: 'things', updates: [{ q: {}, u: { $set: { a: 1 } }, multi: true }],
    }),
    RETRYABLE_WRITE: async (client, things) => insert(
      client, things, client.startSession(), { txnNumber: Long.fromNumber(1) }),
    TRANSACTION_START: async (client, things) => {
      const session = client.startSession();
      session.startTransaction();
      return insert(client, things, session);
    },
    TRANSACTION: async (client, things) => insert(client, things, await begin(client, things)),
    TRANSACTION_END: async (client, things) => command(
      client, things, { commitTransaction: 1 }, await begin(client, things)),
    CHANGE_STREAM: (client, things) => getMore(client, things, {
      aggregate: 'things', pipeline: [{ $changeStream: {} }], cursor: {},
    }),
    GET_MORE: (client, things) => getMore(client, things, { find: 'things', batchSize: 2 }),
    UNACKNOWLEDGED: async (client, things) => insert(
      client, things, undefined, { writeConcern: { w: 0 } }),
  };
}

// The document as it came, whatever class the driver made of it; of a broken connection there is none.
function documentOf(failure) {
  const said = failure.errorResponse || failure.result || {};
  return { code: said.code ?? null, errmsg: said.errmsg, labels: said.errorLabels || [] };
}

function thrown(wrong) {
  return { name: wrong.name, code: wrong.code ?? null, labels: [...(wrong.errorLabels || [])] };
}

async function prepare(uri, operation, ways) {
  const failures = [];
  const client = new MongoClient(uri, {
    monitorCommands: true, serverSelectionTimeoutMS: 5000,
  });
  client.on('commandFailed', (event) => {
    failures.push({ command: event.commandName, ...documentOf(event.failure) });
  });
  const things = client.db(`e${process.pid}${operation}`).collection('things');
  await things.insertMany([1, 2, 3, 4, 5, 6].map((n) => ({ _id: n })));
  const act = await ways[operation](client, things);
  failures.length = 0;
  return async () => {
    try {
      await act();
      return { failures, thrown: null };
    } catch (wrong) {
      return { failures, thrown: thrown(wrong) };
    }
  };
}

async function main() {
  const [uri, list, fields] = process.argv.slice(2);
  const names = list.split(',');
  const ways = fields === undefined ? PREPARE : byCommand(JSON.parse(fields));
  const acts = {};
  for (const name of names) acts[name] = await prepare(uri, name, ways);
  console.log('READY');
  readline.createInterface({ input: process.stdin }).once('line', async () => {
    const said = await Promise.all(names.map((name) => acts[name]()));
    const told = JSON.stringify(Object.fromEntries(names.map((name, i) => [name, said[i]])));
    // Out first: an exit cuts off what a pipe has not taken yet.
    process.stdout.write(`${told}\n`, () => process.exit(0));
  });
}

main().catch((wrong) => { console.log(`FAIL ${wrong.stack}`); process.exit(1); });
