// Messages up to the protocol's limits, and the documents of a long file as GridFS keeps it.
load(require("path").join(__dirname, "run.js"));

const { randomBytes } = require("crypto");
const MIB = 1024 * 1024;

function document15MiB(own) {
    const blob = randomBytes(15 * MIB);
    own.documents.insertOne({ _id: 1, blob });
    assert.ok(blob.equals(own.documents.findOne({ _id: 1 }).blob.buffer), "the bytes sent");
}

// More than one message holds, so that the driver fills one up to maxMessageSizeBytes.
function batch48MB(own) {
    const part = randomBytes(1000000);
    const documents = [];
    for (let i = 0; i < 60; i++) {
        documents.push({ _id: i, part });
    }
    own.batches.insertMany(documents);
    assert.ok(part.equals(own.batches.findOne({ _id: 59 }).part.buffer), "the bytes sent");
    assert.equal(own.batches.countDocuments(), 60);
}

// The shell has no GridFS interface: a user who meets a file there has its two collections.
function gridfs100MB(own) {
    const [file, chunkSize, length] = [new ObjectId(), 255 * 1024, 100 * MIB];
    own.fs.chunks.createIndex({ files_id: 1, n: 1 }, { unique: true });
    for (let n = 0; n * chunkSize < length; n += 100) {
        const chunks = [];
        for (let k = n; k < n + 100 && k * chunkSize < length; k++) {
            const data = Buffer.alloc(Math.min(chunkSize, length - k * chunkSize), k);
            chunks.push({ files_id: file, n: k, data });
        }
        own.fs.chunks.insertMany(chunks);
    }
    own.fs.files.insertOne({ _id: file, length, chunkSize, uploadDate: new Date() });
    let [read, next] = [0, 0];
    const cursor = own.fs.chunks.find({ files_id: file }).sort({ n: 1 });
    while (cursor.hasNext()) {
        const chunk = cursor.next();
        assert.equal(chunk.n, next++);
        assert.ok(Buffer.alloc(chunk.data.length(), chunk.n).equals(chunk.data.buffer), "bytes");
        read += chunk.data.length();
    }
    assert.equal(read, length);
}

run({ document15MiB, batch48MB, gridfs100MB });
