package main

import (
	"regexp"
	"strings"
)

// A path says where in a run a piece of work is: invoices[3]#1/read is the step read of the plan that the third item of
// invoices answered with in its first turn. Below a step are its items ([3]), rounds (~2), turns (#1) and what takes it
// back (!undo); @2 is its second generation.

// parentOf is the path of the piece of work that another one belongs to; "" for a step of the run's own plan.
func parentOf(path string) string {
	if undone, ok := strings.CutSuffix(path, "!undo"); ok {
		return withoutGeneration(undone)
	}
	slash := strings.LastIndexByte(path, '/')
	if i := strings.LastIndexAny(path, "[~"); i > slash {
		return path[:i]
	}
	if slash < 0 {
		return ""
	}
	above := path[:slash]
	return withoutGeneration(above[:max(strings.LastIndexByte(above, '#'), 0)])
}

func withoutGeneration(path string) string {
	if i := strings.LastIndexByte(path, '@'); i > strings.LastIndexByte(path, '/') {
		return path[:i]
	}
	return path
}

// stepID is the step of the run's own plan that a path is below of: invoices for invoices[3]#1/read.
func stepID(path string) string {
	if i := strings.IndexAny(path, "@#[~/!"); i >= 0 {
		return path[:i]
	}
	return path
}

// stepPath is the path of the step that an item or round belongs to.
func stepPath(path string) string {
	for {
		slash := strings.LastIndexByte(path, '/')
		i := strings.LastIndexAny(path, "[~")
		if i <= slash {
			return path
		}
		path = path[:i]
	}
}

// isPart reports whether the path is that of an item or a round: the pause before them is that of the whole step.
func isPart(path string) bool { return stepPath(path) != path }

func isUndo(path string) bool { return strings.HasSuffix(path, "!undo") }

// isWithin reports whether a path is a step or something that was done for it.
func isWithin(path, step string) bool {
	for ; path != ""; path = parentOf(path) {
		if path == step {
			return true
		}
	}
	return step == ""
}

func depthOf(path string) int {
	depth := 0
	for above := parentOf(path); above != ""; above = parentOf(above) {
		depth++
	}
	return depth
}

var turnAndIndex = regexp.MustCompile(`(@\d+)?#\d+/(\d+\.)?`)

// friendly is a path for people: invoices[3] › invoice for invoices[3]#1/invoice.
func friendly(path string) string {
	path = turnAndIndex.ReplaceAllString(path, " › ")
	return strings.ReplaceAll(path, "!undo", " (undo)")
}

// shortName is the last part of a path, as it stands below its parent.
func shortName(path string) string {
	name := friendly(path)
	if i := strings.LastIndex(name, " › "); i >= 0 {
		return name[i+len(" › "):]
	}
	return name
}
