//go:build !unix

package main

import "time"

// processTime is not known here: the time since a first look stands for it.
func processTime() time.Duration { return time.Since(begun) }

var begun = time.Now()
