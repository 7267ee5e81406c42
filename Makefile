# `make test` is the whole gate: what it needs and does not find, it installs, and says so.
.NOTPARALLEL:
.PHONY: help screenshots test deps fmt clippy docs doctest seeds instructions instructions-accept nextest faults differential fuzz recording deny bench bench-clients

CARGO ?= cargo
TARGET_DIR = $(or $(CARGO_TARGET_DIR),target)
BENCH_CLIENTS = --manifest-path bench/clients/Cargo.toml --target-dir $(TARGET_DIR)

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: deps fmt clippy docs doctest seeds instructions nextest ## Everything that must pass before a commit lands

deps: ## Install what the tests need (Debian packages, a Python venv under .test/)
	scripts/install-test-deps

fmt: ## Check the formatting
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path bench/clients/Cargo.toml --check

clippy: ## Lint every crate, test and benchmark; the library with all its features and with none
	$(CARGO) clippy --workspace --all-features --all-targets -- -D warnings
	$(CARGO) clippy --package evenkeel --all-targets -- -D warnings

docs: ## Build the documentation; a broken link is an error
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --all-features --no-deps --document-private-items

doctest: ## Run the examples in the documentation
	$(CARGO) test --workspace --all-features --doc

seeds: ## Run the simulator over many seeds
	$(CARGO) run --quiet --package evenkeel-sim --release -- --seeds 500

instructions: ## Compare the instructions per request with the baseline, bench/results/instructions.md
	$(CARGO) run --quiet --package evenkeel-gauge --profile gauge

instructions-accept: ## Count the instructions per request, and make them the baseline
	scripts/install-test-deps
	$(CARGO) run --quiet --package evenkeel-gauge --profile gauge -- --accept

# Last, so that the run closes with nextest's own summary.
nextest: ## Run the tests, those against real servers and other people's clients among them
	$(CARGO) nextest run --workspace --all-features --profile ci --test-threads $$((2 * $$(nproc)))

faults: ## Break real servers at full length and print the figures; FAULTS="library hang" picks
	scripts/install-test-deps
	$(CARGO) bench --package evenkeel-cli --bench faults -- $(FAULTS)

differential: ## Compare a million random requests with memcached, in five minutes; COMMANDS= says how many, SEED= where to begin
	scripts/install-test-deps
	EVENKEEL_DIFFERENTIAL_COMMANDS=$(or $(COMMANDS),1000000) EVENKEEL_DIFFERENTIAL_SEED=$(or $(SEED),1) \
	  $(CARGO) test --package evenkeel-lab --test differential -- --nocapture random_requests

fuzz: ## Compare mutations of the corpus with memcached for 60 s; SECONDS= says how long, SEED= where to begin
	scripts/install-test-deps
	EVENKEEL_FUZZ_SECONDS=$(or $(SECONDS),60) EVENKEEL_FUZZ_SEED=$(or $(SEED),1) \
	  $(CARGO) test --package evenkeel-lab --test differential -- --nocapture mutations

recording: ## Record evenkeel lab in a terminal for the README; needs tmux
	$(CARGO) build --release
	scripts/record-lab $(TARGET_DIR)/release/evenkeel docs/images/lab.svg

screenshots: ## Take the pictures of the live page in docs/images, of a lab with a browser, in two minutes
	scripts/install-test-deps
	$(CARGO) build --package evenkeel-cli
	EVENKEEL_TEST_MODULES=$(CURDIR)/.test/page/node_modules node crates/cli/tests/real/page/screenshots.mjs \
	  $(TARGET_DIR)/debug/evenkeel docs/images

deny: ## Check licences, sources and bans (needs cargo-deny, which takes minutes to build)
	$(CARGO) deny check bans licenses sources

bench: ## Compare with other proxies, side by side, in ten minutes; writes bench/results/; BENCH="--only 1,000" picks
	scripts/install-test-deps --bench
	$(CARGO) build --release --package evenkeel-cli --package evenkeel-bench
	$(CARGO) run --release --package evenkeel-bench --bin compare -- $(BENCH)

# A package outside the workspace: see its Cargo.toml.
bench-clients: ## Compare the library with other client libraries, in five minutes; writes bench/results/clients.md
	scripts/install-test-deps --bench
	$(CARGO) clippy $(BENCH_CLIENTS) --all-targets -- -D warnings
	$(CARGO) test $(BENCH_CLIENTS) --quiet
	$(CARGO) run $(BENCH_CLIENTS) --release -- $(BENCH)
