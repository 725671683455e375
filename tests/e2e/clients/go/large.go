package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Messages up to the protocol's limits, and a long GridFS file.
var large = []check{
	{"document15MiB", document15MiB}, {"batch48MB", batch48MB}, {"gridfs100MB", gridfs100MB},
}

const mib = 1024 * 1024

type blob struct {
	ID   int    `bson:"_id"`
	Blob []byte `bson:"blob"`
}

func noise(length int) []byte {
	made := make([]byte, length)
	_, err := rand.Read(made)
	must(err)
	return made
}

func (w *world) expectBack(c *mongo.Collection, id int, sent []byte) {
	var back blob
	must(c.FindOne(w.ctx, bson.M{"_id": id}).Decode(&back))
	expect(bytes.Equal(back.Blob, sent), "other bytes came back")
}

func document15MiB(w *world) {
	c, sent := w.db.Collection("documents"), noise(15*mib)
	_, err := c.InsertOne(w.ctx, blob{1, sent})
	must(err)
	w.expectBack(c, 1, sent)
}

// More than one message holds, so that the driver fills one up to maxMessageSizeBytes.
func batch48MB(w *world) {
	c, part := w.db.Collection("batches"), noise(1000000)
	var docs []blob
	for i := 0; i < 60; i++ {
		docs = append(docs, blob{i, part})
	}
	_, err := c.InsertMany(w.ctx, docs)
	must(err)
	w.expectBack(c, 59, part)
	expect(w.count(c) == 60, "%d documents", w.count(c))
}

func gridfs100MB(w *world) {
	bucket := w.db.GridFSBucket()
	sent, read := sha256.New(), sha256.New()
	up, err := bucket.OpenUploadStream(w.ctx, "big")
	must(err)
	for i := 0; i < 100; i++ {
		piece := bytes.Repeat([]byte{byte(i)}, mib)
		sent.Write(piece)
		_, err = up.Write(piece)
		must(err)
	}
	must(up.Close())
	down, err := bucket.OpenDownloadStreamByName(w.ctx, "big")
	must(err)
	length, err := io.Copy(read, down)
	must(err)
	must(down.Close())
	expect(length == 100*mib, "%d bytes", length)
	expect(bytes.Equal(read.Sum(nil), sent.Sum(nil)), "other bytes came back")
	must(bucket.Delete(w.ctx, up.FileID))
}
