# The project's verbs. A bare `make` prints them.

.DEFAULT_GOAL := help
SHELL := /bin/sh

BUILD_DIR := build/bin
PRODUCTS := blazectl blazedb-agent
SCRIPTS := contrib/scripts

# Random tests: how many rounds `test-slow` asks for. `test` leaves the tests' own defaults.
SLOW_ROUNDS ?= 2500

# How long `fuzz` stays with each of its targets, and which targets; all of them when none is named.
SECONDS ?= 60
TARGETS ?=

# The static Swift runtime is for Linux, where Swift is seldom installed; macOS brings its own.
ifeq ($(shell uname -s),Linux)
RELEASE_FLAGS := --static-swift-stdlib
endif

# The first interpreter that has what the tests import; `deps` sees to it that there is one.
PYTHON = $(shell $(SCRIPTS)/find-python.sh)

# A larger set of fixtures, used as well where it lies beside the checkout.
ifndef BLAZEDB_FIXTURES
ifneq ($(wildcard ../shared/fixtures),)
export BLAZEDB_FIXTURES := $(abspath ../shared/fixtures)
endif
endif

.PHONY: help deps build release test test-slow check format protocol fuzz bench demo clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

deps: ## install what is missing to build and test, and say what
	@$(SCRIPTS)/install-deps.sh build test

build: ## build the debug binaries into .build/debug
	@$(SCRIPTS)/install-deps.sh build
	swift build

release: ## build stripped binaries into build/bin
	@$(SCRIPTS)/install-deps.sh build
	swift build -c release $(RELEASE_FLAGS) --product blazectl
	swift build -c release $(RELEASE_FLAGS) --product blazedb-agent
	@mkdir -p $(BUILD_DIR)
	@bin=$$(swift build -c release $(RELEASE_FLAGS) --show-bin-path) && for p in $(PRODUCTS); do \
		cp "$$bin/$$p" $(BUILD_DIR)/ && strip $(BUILD_DIR)/$$p && ls -l $(BUILD_DIR)/$$p || exit 1; done

test: deps ## run the unit tests and the end-to-end tests, one debug build
	swift build --build-tests
	swift test --skip-build
	$(PYTHON) -m pytest Tests/EndToEnd

test-slow: deps ## run all tests with many more random rounds, and the slow ones
	swift build --build-tests
	BLAZEDB_TEST_ROUNDS=$(SLOW_ROUNDS) swift test --skip-build
	BLAZEDB_TEST_ROUNDS=$(SLOW_ROUNDS) $(PYTHON) -m pytest Tests/EndToEnd -m "slow or not slow"

check: ## check the format, the structure, and that generated code is fresh
	@$(SCRIPTS)/install-deps.sh build test generate
	$(SCRIPTS)/format.sh lint
	$(PYTHON) -m pytest Tests/Structure
	$(SCRIPTS)/generate-protocol.sh check

format: ## format the sources in place
	@$(SCRIPTS)/install-deps.sh swift
	$(SCRIPTS)/format.sh write

protocol: ## generate Sources/BlazeProtocol/Generated from Protocol/blazedb_agent.proto
	@$(SCRIPTS)/install-deps.sh build generate
	$(SCRIPTS)/generate-protocol.sh write

fuzz: ## fuzz each target for SECONDS (60); fails when an input breaks something
	@$(SCRIPTS)/install-deps.sh build test fuzz
	PYTHON=$(PYTHON) Fuzzing/run.sh $(SECONDS) $(TARGETS)

bench: ## measure what docs/performance.md tells, beside its references
	@$(SCRIPTS)/install-deps.sh build bench
	@Benchmarks/run.sh

demo: ## show real sample databases through a private agent, which is stopped again
	@$(SCRIPTS)/install-deps.sh build
	swift build --product blazedb-agent
	swift build --product blazectl
	@contrib/demo.sh

clean: ## remove what was built
	rm -rf .build build .pytest_cache Fuzzing/.build Benchmarks/.build Benchmarks/results
	find Tests Benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
