package nats_test

import (
	"testing"

	"github.com/quadrille-stream/quadrille/connector/conntest"
)

func TestMain(m *testing.M) { conntest.Main(m) }
