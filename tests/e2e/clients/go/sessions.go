package main

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

func sessions(w *world) {
	c := w.db.Collection("sessions")
	causal := options.Session().SetCausalConsistency(true)
	must(w.client.UseSessionWithOptions(w.ctx, causal, func(ctx context.Context) error {
		session := mongo.SessionFromContext(ctx)
		for i := 0; i < 10; i++ {
			_, err := c.InsertOne(ctx, thing{i, i})
			must(err)
			must(c.FindOne(ctx, bson.M{"_id": i}).Err())
		}
		expect(session.OperationTime() != nil, "operationTime was not learnt")
		expect(session.ClusterTime() != nil, "clusterTime was not learnt")
		return nil
	}))
}

func (w *world) made(name string) *mongo.Collection {
	must(w.db.CreateCollection(w.ctx, name))
	return w.db.Collection(name)
}

func transactions(w *world) {
	one, two := w.made("one"), w.made("two")
	must(w.client.UseSession(w.ctx, func(ctx context.Context) error {
		session := mongo.SessionFromContext(ctx)
		must(session.StartTransaction())
		_, err := one.InsertOne(ctx, thing{1, 0})
		must(err)
		_, err = two.InsertOne(ctx, thing{1, 0})
		must(err)
		expect(w.count(one) == 0, "seen by others before the commit")
		must(one.FindOne(ctx, bson.M{}).Err())
		must(session.CommitTransaction(ctx))
		must(session.StartTransaction())
		_, err = one.InsertOne(ctx, thing{2, 0})
		must(err)
		must(session.AbortTransaction(ctx))
		_, err = session.WithTransaction(ctx, func(ctx context.Context) (interface{}, error) {
			if _, err := two.UpdateByID(ctx, 1, bson.M{"$set": bson.M{"n": 1}}); err != nil {
				return nil, err
			}
			return one.DeleteOne(ctx, bson.M{"_id": 1})
		})
		return err
	}))
	var left thing
	must(two.FindOne(w.ctx, bson.M{}).Decode(&left))
	expect(left == thing{1, 1}, "%v", left)
	expect(w.count(one) == 0, "%d left", w.count(one))
}

func transactionConflict(w *world) {
	c := w.made("conflict")
	_, err := c.InsertOne(w.ctx, thing{1, 0})
	must(err)
	begin := func() (*mongo.Session, context.Context) {
		session, err := w.client.StartSession()
		must(err)
		must(session.StartTransaction())
		return session, mongo.NewSessionContext(w.ctx, session)
	}
	first, inFirst := begin()
	second, inSecond := begin()
	defer first.EndSession(w.ctx)
	defer second.EndSession(w.ctx)
	_, err = c.UpdateByID(inFirst, 1, bson.M{"$set": bson.M{"n": 1}})
	must(err)
	_, err = c.UpdateByID(inSecond, 1, bson.M{"$set": bson.M{"n": 2}})
	expect(hasCode(err, 112), "%T: %v", err, err)
	expect(err.(mongo.ServerError).HasErrorLabel("TransientTransactionError"), "no label: %v", err)
	must(second.AbortTransaction(w.ctx))
	must(first.CommitTransaction(w.ctx))
	var left thing
	must(c.FindOne(w.ctx, bson.M{}).Decode(&left))
	expect(left.N == 1, "%v", left)
}

func next(w *world, stream *mongo.ChangeStream, kind string) bson.Raw {
	expect(stream.Next(w.ctx), "no event: %v", stream.Err())
	got := stream.Current.Lookup("operationType").StringValue()
	expect(got == kind, "%s instead of %s", got, kind)
	return stream.ResumeToken()
}

func changeStreams(w *world) {
	c := w.made("watched")
	stream, err := c.Watch(w.ctx, mongo.Pipeline{})
	must(err)
	_, err = c.InsertOne(w.ctx, thing{1, 0})
	must(err)
	_, err = c.UpdateByID(w.ctx, 1, bson.M{"$set": bson.M{"n": 2}})
	must(err)
	_, err = c.DeleteOne(w.ctx, bson.M{"_id": 1})
	must(err)
	token := next(w, stream, "insert")
	next(w, stream, "update")
	must(stream.Close(w.ctx))
	resumed, err := c.Watch(w.ctx, mongo.Pipeline{}, options.ChangeStream().SetResumeAfter(token))
	must(err)
	next(w, resumed, "update")
	next(w, resumed, "delete")
	must(resumed.Close(w.ctx))
}
