package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/apernet/hysteria/core/v2/server"
	"github.com/apernet/hysteria/extras/v2/auth"
	"github.com/apernet/hysteria/extras/v2/obfs"
	"github.com/apernet/hysteria/extras/v2/outbounds"
)

// server makes of the file what the official program makes of it.
func (c *config) server() (*server.Config, error) {
	if c.Auth.Type != "http" {
		return nil, fmt.Errorf("auth.type %q", c.Auth.Type)
	}
	if c.Sniff.Enable {
		return nil, errors.New("sniff is on: its bytes would not be counted")
	}
	out, err := c.outbound()
	if err != nil {
		return nil, err
	}
	site, err := c.Masquerade.handler()
	if err != nil {
		return nil, err
	}
	return &server.Config{
		QUICConfig: server.QUICConfig{
			MaxIdleTimeout:     time.Duration(c.QUIC.MaxIdleTimeout),
			MaxIncomingStreams: c.QUIC.MaxIncomingStreams,
		},
		BandwidthConfig: server.BandwidthConfig{
			MaxTx: uint64(c.Bandwidth.Up),
			MaxRx: uint64(c.Bandwidth.Down),
		},
		IgnoreClientBandwidth: c.IgnoreClientBandwidth,
		UDPIdleTimeout:        time.Duration(c.UDPIdleTimeout),
		Outbound:              &outbounds.PluggableOutboundAdapter{PluggableOutbound: out},
		Authenticator:         auth.NewHTTPAuthenticator(c.Auth.HTTP.URL, c.Auth.HTTP.Insecure),
		MasqHandler:           site,
	}, nil
}

// outbound compiles the ACL over the named outbounds. A resolver stands before
// it, so that rules for addresses also catch names.
func (c *config) outbound() (outbounds.PluggableOutbound, error) {
	var named []outbounds.OutboundEntry
	for _, out := range c.Outbounds {
		if out.Type != "direct" || out.Direct.Mode != "auto" {
			return nil, fmt.Errorf("outbound %q of type %q, mode %q", out.Name, out.Type, out.Direct.Mode)
		}
		direct := outbounds.NewDirectOutboundSimple(outbounds.DirectOutboundModeAuto)
		named = append(named, outbounds.OutboundEntry{Name: out.Name, Outbound: direct})
	}
	engine, err := outbounds.NewACLEngineFromString(strings.Join(c.ACL.Inline, "\n"), named, nil)
	if err != nil {
		return nil, err
	}
	out := outbounds.NewSystemResolver(engine)
	if c.SpeedTest {
		out = outbounds.NewSpeedtestHandler(out)
	}
	return out, nil
}

func (d disguise) wrap(conn net.PacketConn) (net.PacketConn, error) {
	switch d.Type {
	case "", "plain":
		return conn, nil
	case "salamander":
		return obfs.WrapPacketConnSalamander(conn, []byte(d.Salamander.Password))
	case "gecko":
		return obfs.WrapPacketConnGecko(conn, obfs.GeckoOptions{Password: []byte(d.Gecko.Password)})
	default:
		return nil, fmt.Errorf("obfs.type %q", d.Type)
	}
}

// certificate answers only for the names in the certificate, as sniGuard says.
func certificate(files tlsFiles) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	guarded := files.SNIGuard == "strict" || files.SNIGuard == "dns-san" && len(leaf.DNSNames) > 0
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if guarded {
			if err := leaf.VerifyHostname(hello.ServerName); err != nil {
				return nil, err
			}
		}
		return &pair, nil
	}, nil
}

func (m masquerade) handler() (http.Handler, error) {
	if m.Type != "string" || m.String.StatusCode < 200 || m.String.StatusCode > 599 || m.String.StatusCode == 233 {
		return nil, fmt.Errorf("masquerade.type %q with status %d", m.Type, m.String.StatusCode)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range m.String.Headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(m.String.StatusCode)
		_, _ = io.WriteString(w, m.String.Content)
	}), nil
}
