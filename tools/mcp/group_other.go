//go:build !unix

package mcp

import "os/exec"

func ownGroup(*exec.Cmd) {}

func askGroup(*exec.Cmd) {}

// endGroup ends the server itself; its own children are left to it.
func endGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
