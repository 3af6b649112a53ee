# Everything a newcomer needs; `make help` lists it. Needs Go, git and make; what else is missing, `make setup` installs.
SHELL := /bin/bash
GO    ?= go
BIN   := bin
LINT  := $(GO) tool -modfile=.ci/lint/go.mod golangci-lint
TEST_FLAGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup build ## read a folder of invoices, book them, mail finance, draw the summary: no API key needed
	@$(BIN)/tutti demo

.PHONY: test
test: setup ## run all tests (race detector on), with a real redis-server
	$(GO) test -race -timeout 15m $(TEST_FLAGS) ./...

.PHONY: check
check: ## format, vet, lint, build, generated and module files up to date
	@unformatted="$$(gofmt -l $$(git ls-files '*.go'))"; [ -z "$$unformatted" ] || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(LINT) run ./...
	$(GO) build ./...

.PHONY: build
build: ## build bin/tutti
	@$(GO) build -o $(BIN)/tutti ./cmd/tutti

.PHONY: bench
bench: ## measure; figures come with a baseline from the same run
	$(GO) test -run '^$$' -bench . -benchmem ./coordinator/... ./memory/...

.PHONY: measure
measure: ## the offline model on real invoices: make measure DIR=folder of PDFs, each with a JSON of what is right
	@[ -n "$(DIR)" ] || { echo "which invoices? make measure DIR=/path/to/folder"; exit 2; }
	$(GO) run ./examples/invoices/measure $(DIR)

.PHONY: setup
setup: ## install redis-server where it is missing
	@.ci/setup redis-server

.PHONY: clean
clean: ## remove what was built here
	rm -rf $(BIN) coverage.out
