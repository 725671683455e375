package main

import (
	"errors"
	"sort"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// What an application does every day.
var operations = []check{
	{"crud", crud}, {"aggregation", aggregation}, {"cursors", cursors}, {"bulk", bulk},
	{"indexes", indexes}, {"sessions", sessions}, {"transactions", transactions},
	{"transactionConflict", transactionConflict}, {"changeStreams", changeStreams},
	{"unacknowledged", unacknowledged}, {"errors", serverErrors}, {"serverApi", serverAPI},
}

type thing struct {
	ID int `bson:"_id"`
	N  int `bson:"n"`
}

func things(count, modulus int) []thing {
	made := make([]thing, count)
	for i := range made {
		made[i] = thing{i, i % modulus}
	}
	return made
}

func (w *world) count(c *mongo.Collection) int64 {
	count, err := c.CountDocuments(w.ctx, bson.D{})
	must(err)
	return count
}

func crud(w *world) {
	c := w.db.Collection("crud")
	_, err := c.InsertOne(w.ctx, thing{-1, 0})
	must(err)
	_, err = c.InsertMany(w.ctx, things(20, 3))
	must(err)
	var one thing
	must(c.FindOne(w.ctx, bson.M{"_id": 7}).Decode(&one))
	expect(one.N == 1, "n is %d", one.N)
	updated, err := c.UpdateMany(w.ctx, bson.M{"n": 1}, bson.M{"$set": bson.M{"n": 9}})
	must(err)
	expect(updated.ModifiedCount == 7, "%d modified", updated.ModifiedCount)
	updated, err = c.ReplaceOne(w.ctx, bson.M{"_id": 2}, bson.M{"n": 5})
	must(err)
	expect(updated.ModifiedCount == 1, "%d replaced", updated.ModifiedCount)
	updated, err = c.UpdateOne(w.ctx, bson.M{"_id": 99}, bson.M{"$inc": bson.M{"n": 1}},
		options.UpdateOne().SetUpsert(true))
	must(err)
	expect(updated.UpsertedID == int32(99), "upserted %v", updated.UpsertedID)
	after := options.FindOneAndUpdate().SetReturnDocument(options.After)
	must(c.FindOneAndUpdate(w.ctx, bson.M{"_id": 99}, bson.M{"$inc": bson.M{"n": 1}}, after).
		Decode(&one))
	expect(one.N == 2, "n is %d", one.N)
	deleted, err := c.DeleteMany(w.ctx, bson.M{"n": 9})
	must(err)
	expect(deleted.DeletedCount == 7, "%d deleted", deleted.DeletedCount)
	expect(w.count(c) == 15, "%d left", w.count(c))
}

func aggregation(w *world) {
	c := w.db.Collection("aggregation")
	_, err := c.InsertMany(w.ctx, things(1000, 10))
	must(err)
	cursor, err := c.Aggregate(w.ctx, bson.A{
		bson.M{"$match": bson.M{"n": bson.M{"$lt": 5}}},
		bson.M{"$group": bson.M{"_id": "$n", "n": bson.M{"$sum": "$_id"}}},
		bson.M{"$sort": bson.M{"_id": 1}},
	}, options.Aggregate().SetBatchSize(2))
	must(err)
	var groups []thing
	must(cursor.All(w.ctx, &groups))
	expect(len(groups) == 5, "%d groups", len(groups))
	for i, group := range groups {
		expect(group == thing{i, 49500 + 100*i}, "group %d is %v", i, group)
	}
	_, err = c.Aggregate(w.ctx, bson.A{bson.M{"$match": bson.M{"n": 3}},
		bson.M{"$merge": bson.M{"into": "merged"}}})
	must(err)
	expect(w.count(w.db.Collection("merged")) == 100, "$merge wrote another number")
}

func cursors(w *world) {
	c := w.db.Collection("cursors")
	_, err := c.InsertMany(w.ctx, things(3000, 7))
	must(err)
	walk := options.Find().SetSort(bson.M{"_id": 1}).SetBatchSize(100)
	var three [3]*mongo.Cursor
	for i := range three {
		three[i], err = c.Find(w.ctx, bson.M{}, walk)
		must(err)
	}
	for i := 0; i < 3000; i++ {
		for n, cursor := range three {
			var one thing
			expect(cursor.Next(w.ctx), "cursor %d ended at %d: %v", n, i, cursor.Err())
			must(cursor.Decode(&one))
			expect(one.ID == i, "cursor %d gave %d at %d", n, one.ID, i)
		}
	}
	expect(!three[0].Next(w.ctx), "more than there is")
	half, err := c.Find(w.ctx, bson.M{}, walk)
	must(err)
	id := half.ID()
	must(half.Close(w.ctx))
	err = w.db.RunCommand(w.ctx, bson.D{{Key: "getMore", Value: id},
		{Key: "collection", Value: "cursors"}}).Err()
	expect(hasCode(err, 43), "a closed cursor was still there: %v", err)
}

func hasCode(err error, code int) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorCode(code)
}

func bulk(w *world) {
	c := w.db.Collection("bulk")
	done, err := c.BulkWrite(w.ctx, []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1}),
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 2}),
		mongo.NewUpdateManyModel().SetFilter(bson.M{}).SetUpdate(bson.M{"$set": bson.M{"n": 1}}),
		mongo.NewReplaceOneModel().SetFilter(bson.M{"_id": 3}).SetReplacement(bson.M{"n": 3}).
			SetUpsert(true),
		mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 1}),
	})
	must(err)
	expect(done.InsertedCount == 2 && done.ModifiedCount == 2 && done.UpsertedCount == 1 &&
		done.DeletedCount == 1, "%+v", done)
	_, err = c.InsertMany(w.ctx, []bson.M{{"_id": 2}, {"_id": 4}, {"_id": 3}},
		options.InsertMany().SetOrdered(false))
	var failed mongo.BulkWriteException
	expect(errors.As(err, &failed) && len(failed.WriteErrors) == 2, "%T: %v", err, err)
	expect(failed.WriteErrors[0].Index == 0 && failed.WriteErrors[1].Index == 2 &&
		failed.WriteErrors[1].Code == 11000, "%v", err)
	expect(w.count(c) == 3, "%d documents", w.count(c))
	across := []mongo.ClientBulkWrite{
		{Database: w.db.Name(), Collection: "bulk",
			Model: mongo.NewClientInsertOneModel().SetDocument(bson.M{"_id": 10})},
		{Database: w.db.Name(), Collection: "other",
			Model: mongo.NewClientDeleteManyModel().SetFilter(bson.M{})},
	}
	all, err := w.client.BulkWrite(w.ctx, across)
	must(err)
	expect(all.InsertedCount == 1, "%+v", all)
}

func (w *world) indexNames(c *mongo.Collection) string {
	var names []string
	specifications, err := c.Indexes().ListSpecifications(w.ctx)
	must(err)
	for _, s := range specifications {
		names = append(names, s.Name)
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

func indexes(w *world) {
	c := w.db.Collection("indexes")
	_, err := c.Indexes().CreateMany(w.ctx, []mongo.IndexModel{
		{Keys: bson.D{{Key: "name", Value: 1}}, Options: options.Index().SetUnique(true)},
		{Keys: bson.D{{Key: "a", Value: 1}, {Key: "b", Value: -1}}},
	})
	must(err)
	expect(w.indexNames(c) == "_id_ a_1_b_-1 name_1", "indexes %s", w.indexNames(c))
	_, err = c.InsertOne(w.ctx, bson.M{"name": "x"})
	must(err)
	_, err = c.InsertOne(w.ctx, bson.M{"name": "x"})
	expect(mongo.IsDuplicateKeyError(err), "%T: %v", err, err)
	must(c.Indexes().DropOne(w.ctx, "name_1"))
	_, err = c.InsertOne(w.ctx, bson.M{"name": "x"})
	must(err)
	expect(w.indexNames(c) == "_id_ a_1_b_-1", "indexes %s", w.indexNames(c))
}

func unacknowledged(w *world) {
	must(w.db.CreateCollection(w.ctx, "unacknowledged"))
	quiet := w.db.Collection("unacknowledged",
		options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	for i := 0; i < 30; i++ {
		result, err := quiet.InsertOne(w.ctx, thing{i, i})
		must(err)
		expect(!result.Acknowledged, "acknowledged")
	}
	end := time.Now().Add(10 * time.Second)
	for w.count(w.db.Collection("unacknowledged")) != 30 {
		expect(time.Now().Before(end), "unacknowledged writes did not all arrive")
	}
}

func serverErrors(w *world) {
	c := w.db.Collection("errors")
	_, err := c.InsertMany(w.ctx, things(1000, 7))
	must(err)
	_, err = c.InsertOne(w.ctx, thing{1, 1})
	var write mongo.WriteException
	expect(errors.As(err, &write) && mongo.IsDuplicateKeyError(err), "%T: %v", err, err)
	value := write.WriteErrors[0].Raw.Lookup("keyValue", "_id").AsInt64()
	expect(value == 1, "keyValue was lost: %v", write.WriteErrors[0].Raw)

	err = w.db.RunCommand(w.ctx, bson.M{"noSuchCommand": 1}).Err()
	var command mongo.CommandError
	expect(errors.As(err, &command) && command.Name == "CommandNotFound", "%T: %v", err, err)

	err = w.db.RunCommand(w.ctx, bson.D{{Key: "aggregate", Value: "errors"},
		{Key: "pipeline", Value: bson.A{
			bson.M{"$lookup": bson.M{"from": "errors", "pipeline": bson.A{}, "as": "all"}},
			bson.M{"$count": "n"}}},
		{Key: "cursor", Value: bson.M{}}, {Key: "maxTimeMS", Value: 1}}).Err()
	expect(errors.As(err, &command) && command.Name == "MaxTimeMSExpired", "%T: %v", err, err)
	expect(mongo.IsTimeout(err), "not a time-out to the driver: %v", err)
	expect(w.count(c) == 1000, "the connection does not go on working")
}

// With apiStrict the server itself must have heard of it: it refuses what is not in version 1.
func serverAPI(w *world) {
	c := w.db.Collection("api")
	_, err := c.InsertOne(w.ctx, bson.M{"_id": 1})
	must(err)
	distinct := c.Distinct(w.ctx, "_id", bson.M{})
	if w.strict {
		expect(hasCode(distinct.Err(), 323), "%T: %v", distinct.Err(), distinct.Err())
		return
	}
	var ids []int
	must(distinct.Decode(&ids))
	expect(len(ids) == 1 && ids[0] == 1, "distinct gave %v", ids)
}
