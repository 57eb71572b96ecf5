# What a person types; CI types the same. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GATEWAY_CACHE ?= $(HOME)/.cache/message-gateway
export GATEWAY_CACHE
CARGO_DENY := $(GATEWAY_CACHE)/cargo-deny-0.20.2/bin/cargo-deny
FUZZ_TOOLCHAIN ?= nightly
export FUZZ_TOOLCHAIN
SECONDS_PER_TARGET ?= 60
export SECONDS_PER_TARGET

.PHONY: help
help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: check
check: ## format, lints, dependency bans, template: minutes, no servers
	@tools/prerequisites check
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --no-default-features --all-targets --locked -- -D warnings
	$(CARGO_DENY) --log-level error check bans licenses sources
	tools/template-check

.PHONY: build
build: ## everything, as it is deployed (release)
	@tools/prerequisites run
	cargo build --workspace --bins --release --locked
	@tools/kafka/install >/dev/null

.PHONY: build-test
build-test:
	@tools/prerequisites test
	@tools/kafka/install >/dev/null
	@tools/clients-install >/dev/null
	# With all targets, so that programs and tests share one set of features and are built once.
	cargo build --workspace --all-targets --locked

.PHONY: test
test: build-test ## all tests, with real Kafka and real clients
	cargo test --workspace --locked

.PHONY: run
run: build ## the whole gateway on this machine; prints how to connect; Ctrl-C stops it
	target/release/local run

.PHONY: demo
demo: build ## the same without a person: messages of each kind and their journeys
	target/release/demo

.PHONY: fuzz
fuzz: ## every fuzz target for SECONDS_PER_TARGET (60), from the committed seeds
	@tools/prerequisites --quiet fuzz
	@fuzz/run

.PHONY: faults
faults: build ## kills, stops and cuts off parts under load, both ways; then the models with larger bounds
	target/release/faults
	JOURNAL_MODEL_LARGE=1 JOURNAL_MODEL_STATES=15000000 JOURNAL_MODEL_STEPS=10000000 \
		cargo test --release --locked -p journal --test journal_model -- --nocapture
	ASSEMBLE_MODEL_LARGE=1 cargo test --release --locked -p assemble --test model
	CORRELATE_MODEL_LARGE=1 cargo test --release --locked -p correlate --test model
	RELEASE_MODEL_LARGE=1 cargo test --release --locked -p release --test model

.PHONY: clean-state
clean-state: ## forget the topics and tables that `make run` keeps
	rm -rf .state/local

.PHONY: bench
bench: build ## the figures of this machine: a table and bench/results.json (BENCH="--only NAME" for some)
	cargo build --release --locked -p domain --example route_lookup
	ulimit -n "$$(ulimit -H -n)" || true; target/release/bench $(BENCH)
