//go:build !unix

package program

import "os/exec"

// ownGroup leaves it at what os/exec does, which is to end the program itself.
func ownGroup(*exec.Cmd) {}

func endGroup(*exec.Cmd) {}
