package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// config has the keys that Hywarden writes, and no others: the real server
// passes over what it does not know, so a typing error would show only here.
type config struct {
	Listen                string       `json:"listen"`
	TLS                   tlsFiles     `json:"tls"`
	Obfs                  disguise     `json:"obfs"`
	QUIC                  quic         `json:"quic"`
	Bandwidth             bandwidth    `json:"bandwidth"`
	IgnoreClientBandwidth bool         `json:"ignoreClientBandwidth"`
	UDPIdleTimeout        duration     `json:"udpIdleTimeout"`
	SpeedTest             bool         `json:"speedTest"`
	Auth                  hook         `json:"auth"`
	TrafficStats          trafficStats `json:"trafficStats"`
	Sniff                 sniff        `json:"sniff"`
	Outbounds             []outbound   `json:"outbounds"`
	ACL                   rules        `json:"acl"`
	Masquerade            masquerade   `json:"masquerade"`
}

type tlsFiles struct {
	Cert     string `json:"cert"`
	Key      string `json:"key"`
	SNIGuard string `json:"sniGuard"`
}

type password struct {
	Password string `json:"password"`
}

type disguise struct {
	Type       string   `json:"type"`
	Salamander password `json:"salamander"`
	Gecko      password `json:"gecko"`
}

type quic struct {
	MaxIdleTimeout     duration `json:"maxIdleTimeout"`
	MaxIncomingStreams int64    `json:"maxIncomingStreams"`
}

type bandwidth struct {
	Up   rate `json:"up"`
	Down rate `json:"down"`
}

type hook struct {
	Type string `json:"type"`
	HTTP struct {
		URL      string `json:"url"`
		Insecure bool   `json:"insecure"`
	} `json:"http"`
}

type trafficStats struct {
	Listen string `json:"listen"`
	Secret string `json:"secret"`
}

type sniff struct {
	Enable bool `json:"enable"`
}

type outbound struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Direct struct {
		Mode string `json:"mode"`
	} `json:"direct"`
}

type rules struct {
	Inline []string `json:"inline"`
}

type masquerade struct {
	Type   string `json:"type"`
	String struct {
		Content    string            `json:"content"`
		Headers    map[string]string `json:"headers"`
		StatusCode int               `json:"statusCode"`
	} `json:"string"`
}

// duration is written with its unit, as Hysteria wants it.
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

// rate is a whole number of bits a second with its unit, kept in bytes.
type rate uint64

func (r *rate) UnmarshalText(text []byte) error {
	number, unit, found := strings.Cut(string(text), " ")
	units := map[string]uint64{"bps": 1, "kbps": 1e3, "mbps": 1e6, "gbps": 1e9}
	size, known := units[unit]
	bits, err := strconv.ParseUint(number, 10, 64)
	if !found || !known || err != nil {
		return fmt.Errorf("%q is no bandwidth", text)
	}
	*r = rate(bits * size / 8)
	return nil
}

// load reads a file by its extension, as the real server does, but strictly.
func load(path string) (*config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if extension := filepath.Ext(path); extension == ".yaml" || extension == ".yml" {
		var any map[string]any
		if err := yaml.Unmarshal(text, &any); err != nil {
			return nil, err
		}
		if text, err = json.Marshal(any); err != nil {
			return nil, err
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	read := new(config)
	if err := decoder.Decode(read); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("something follows the configuration")
	}
	return read, nil
}
