"use strict";
// Mongoose. Usage: client.js URI operations|large|idle [strictApi]
const mongoose = require("mongoose");
const { randomBytes } = require("node:crypto");
const idle = require("../node/idle.js");
const { run } = require("../node/run.js");

const modes = {
    operations: require("./operations.js"),
    large: require("./large.js"),
    idle: {
        options: idle.options,
        checks: ({ connection }) => ({
            monitors: () => idle.monitors(connection.getClient(), connection.db),
        }),
    },
};

async function main(uri, mode, api) {
    const options = { serverSelectionTimeoutMS: 20000, autoIndex: false, autoCreate: false,
        dbName: `mongoose_${randomBytes(5).toString("hex")}`, ...modes[mode].options };
    if (api === "strictApi") {
        options.serverApi = { version: "1", strict: true, deprecationErrors: true };
    }
    const connection = await mongoose.createConnection(uri, options).asPromise();
    const strict = Boolean(options.serverApi);
    try {
        return await run(modes[mode].checks({ mongoose, connection, strict }));
    } finally {
        await connection.dropDatabase();
        await connection.close();
    }
}

main(...process.argv.slice(2)).then(
    (passed) => process.exit(passed ? 0 : 1),
    (error) => {
        console.log(`FAIL client: ${error.stack}`);
        process.exit(1);
    },
);
