package main

import (
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
)

// An idle client's monitors neither fail nor run in a busy loop.
var idle = []check{{"monitors", monitors}}

const (
	beatEvery = 500 * time.Millisecond
	idleFor   = 4 * time.Second
)

type beats struct{ succeeded, failed int64 }

func (b *beats) monitor() *event.ServerMonitor {
	return &event.ServerMonitor{
		ServerHeartbeatSucceeded: func(*event.ServerHeartbeatSucceededEvent) {
			atomic.AddInt64(&b.succeeded, 1)
		},
		ServerHeartbeatFailed: func(*event.ServerHeartbeatFailedEvent) {
			atomic.AddInt64(&b.failed, 1)
		},
	}
}

func monitors(w *world) {
	must(w.client.Ping(w.ctx, nil))
	time.Sleep(idleFor)
	succeeded, failed := atomic.LoadInt64(&w.beats.succeeded), atomic.LoadInt64(&w.beats.failed)
	most := int64(2 * idleFor / beatEvery)
	expect(succeeded >= most/4 && succeeded <= most && failed == 0,
		"%d heartbeats came, %d failed", succeeded, failed)
	must(w.client.Ping(w.ctx, nil))
}
