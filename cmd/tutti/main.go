// Command tutti carries out pipelines of agents, tools and people, in this process.
//
// The way of one task: run.go reads the pipeline and its input, wire.go makes the workspace's workers and the runtime,
// local.Submit journals the task, follow.go watches the journal until the run ends or waits for people, and output.go
// prints what came of it.
package main

import "os"

func main() {
	os.Exit(newApp(os.Stdin, os.Stdout, os.Stderr).main(os.Args[1:]))
}
