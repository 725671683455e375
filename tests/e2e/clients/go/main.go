// The Go driver. Usage: client URI operations|large|idle [strictApi]
// Prints `ok NAME` or `FAIL NAME: why` for every check; the status is 0 when all passed.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// world is what every check is given.
type world struct {
	ctx    context.Context
	client *mongo.Client
	db     *mongo.Database // this run's own; dropped at the end
	strict bool            // the client declared API version 1, strictly
	beats  *beats          // of the client's monitors
}

type check struct {
	name string
	run  func(w *world)
}

// failure is how must and expect leave a check.
type failure string

func must(err error) {
	if err != nil {
		panic(failure(fmt.Sprintf("%T: %v", err, err)))
	}
}

func expect(holds bool, format string, arguments ...interface{}) {
	if !holds {
		panic(failure(fmt.Sprintf(format, arguments...)))
	}
}

func (w *world) passes(c check) (passed bool) {
	defer func() {
		if why := recover(); why != nil {
			fmt.Printf("FAIL %s: %s\n", c.name, strings.ReplaceAll(fmt.Sprint(why), "\n", " | "))
		}
	}()
	c.run(w)
	fmt.Printf("ok %s\n", c.name)
	return true
}

func (w *world) connect(uri, mode string) error {
	opts := options.Client().ApplyURI(uri).SetServerSelectionTimeout(20 * time.Second)
	if w.strict {
		opts.SetServerAPIOptions(options.ServerAPI(options.ServerAPIVersion1).
			SetStrict(true).SetDeprecationErrors(true))
	}
	if mode == "idle" {
		opts.SetHeartbeatInterval(beatEvery).SetServerMonitor(w.beats.monitor())
	}
	var err error
	w.client, err = mongo.Connect(opts)
	return err
}

func main() {
	modes := map[string][]check{"operations": operations, "large": large, "idle": idle}
	if len(os.Args) < 3 || modes[os.Args[2]] == nil {
		fmt.Fprintln(os.Stderr, "usage: client URI operations|large|idle [strictApi]")
		os.Exit(2)
	}
	// No deadline: the driver would send what is left of it in place of a maxTimeMS of our own.
	// Who runs this program ends it.
	w := &world{ctx: context.Background(), strict: len(os.Args) > 3, beats: &beats{}}
	if err := w.connect(os.Args[1], os.Args[2]); err != nil {
		fmt.Printf("FAIL client: %v\n", err)
		os.Exit(1)
	}
	w.db = w.client.Database("go_" + bson.NewObjectID().Hex())
	passed := true
	for _, c := range modes[os.Args[2]] {
		passed = w.passes(c) && passed
	}
	if err := w.db.Drop(w.ctx); err != nil {
		fmt.Printf("FAIL client: drop: %v\n", err)
		passed = false
	}
	_ = w.client.Disconnect(w.ctx)
	if !passed {
		os.Exit(1)
	}
}
