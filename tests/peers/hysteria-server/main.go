// A Hysteria2 server for tests: the official core with its own HTTP-hook
// client, its own ACL engine and its own traffic-stats server, started from
// the configuration file that `hywarden node add` prints.
//
// Flags replace what a test must choose itself: ports and certificate files.
// It prints "ready <udp address> <stats address>" on stdout once both sockets
// are bound, and one JSON line per event on stderr.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/apernet/hysteria/core/v2/server"
	"github.com/apernet/hysteria/extras/v2/trafficlogger"
)

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", "", "UDP address to serve on instead of the configured one")
	cert := flag.String("cert", "", "certificate file (PEM) instead of the configured one")
	key := flag.String("key", "", "private key file (PEM) instead of the configured one")
	stats := flag.String("stats", "", "TCP address of the stats API instead of the configured one")
	check := flag.Bool("check", false, "read the configuration, compile its ACL, and end")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: hysteria-server [flags] config.json|config.yaml")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	config, err := load(flag.Arg(0))
	fatal(err)
	for flagged, place := range map[*string]*string{
		listen: &config.Listen, cert: &config.TLS.Cert, key: &config.TLS.Key, stats: &config.TrafficStats.Listen,
	} {
		if *flagged != "" {
			*place = *flagged
		}
	}
	hyConfig, err := config.server()
	fatal(err)
	if *check {
		return
	}
	hyConfig.TLSConfig.GetCertificate, err = certificate(config.TLS)
	fatal(err)

	bare, err := net.ListenPacket("udp", config.Listen)
	fatal(err)
	hyConfig.Conn, err = config.Obfs.wrap(bare)
	fatal(err)
	counters := trafficlogger.NewTrafficStatsServer(config.TrafficStats.Secret)
	api, err := net.Listen("tcp", config.TrafficStats.Listen)
	fatal(err)
	go func() { fatal(http.Serve(api, counters)) }()
	hyConfig.TrafficLogger = counters
	hyConfig.EventLogger = newEvents(os.Stderr)

	hy, err := server.NewServer(hyConfig)
	fatal(err)
	fmt.Printf("ready %s %s\n", bare.LocalAddr(), api.Addr())

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() { <-stop; _ = hy.Close(); os.Exit(0) }()
	fatal(hy.Serve())
}

func fatal(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
