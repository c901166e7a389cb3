package main

import (
	"encoding/json"
	"io"
	"net"
	"sync"
)

// events writes what the server tells about its clients, a JSON line each.
type events struct {
	lock *sync.Mutex
	out  *json.Encoder
}

func newEvents(out io.Writer) events {
	return events{&sync.Mutex{}, json.NewEncoder(out)}
}

func (e events) say(what string, addr net.Addr, id, target string, err error) {
	line := map[string]any{"event": what, "addr": addr.String(), "id": id}
	if target != "" {
		line["target"] = target
	}
	if err != nil {
		line["error"] = err.Error()
	}
	e.lock.Lock()
	defer e.lock.Unlock()
	_ = e.out.Encode(line)
}

func (e events) Connect(addr net.Addr, id string, _ uint64) { e.say("connect", addr, id, "", nil) }

func (e events) Disconnect(addr net.Addr, id string, err error) {
	e.say("disconnect", addr, id, "", err)
}

func (e events) TCPRequest(addr net.Addr, id, target string) { e.say("tcp", addr, id, target, nil) }

func (e events) TCPError(addr net.Addr, id, target string, err error) {
	e.say("tcp_end", addr, id, target, err)
}

func (e events) UDPRequest(addr net.Addr, id string, _ uint32, target string) {
	e.say("udp", addr, id, target, nil)
}

func (e events) UDPError(addr net.Addr, id string, _ uint32, err error) {
	e.say("udp_end", addr, id, "", err)
}
