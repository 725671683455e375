"use strict";
// The Node driver. Usage: client.js URI operations|large|idle [strictApi]
const { MongoClient } = require("mongodb");
const { randomBytes } = require("node:crypto");
const { run } = require("./run.js");

const modes = {
    operations: require("./operations.js"),
    large: require("./large.js"),
    idle: require("./idle.js"),
};

async function main(uri, mode, api) {
    const options = { serverSelectionTimeoutMS: 20000, ...modes[mode].options };
    if (api === "strictApi") {
        options.serverApi = { version: "1", strict: true, deprecationErrors: true };
    }
    const client = new MongoClient(uri, options);
    const db = client.db(`node_${randomBytes(5).toString("hex")}`);
    try {
        return await run(modes[mode].checks({ client, db, strict: Boolean(options.serverApi) }));
    } finally {
        await db.dropDatabase();
        await client.close();
    }
}

main(...process.argv.slice(2)).then(
    (passed) => process.exit(passed ? 0 : 1),
    (error) => {
        console.log(`FAIL client: ${error.stack}`);
        process.exit(1);
    },
);
