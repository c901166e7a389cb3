# The only door for people and machines. `make` alone lists what there is.
.DEFAULT_GOAL := help
.PHONY: help run test check fmt api schema bench soak clean

# What follows `hywarden serve`, for example ARGS="--data-dir /srv/hywarden".
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## install what is missing, build, start the program on its embedded default
	@scripts/install run
	cargo build --release --locked --bin hywarden
	@exec target/release/hywarden serve $(ARGS)

test: ## install what is missing, check everything, run every test
	@scripts/install test
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null
	cargo test --locked
	@echo
	@echo "make test: everything passed"

check: ## the quick part: formatting, lints
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

fmt: ## format the code
	cargo fmt

schema: ## write src/schema.rs as the migrations leave the tables
	@scripts/install run
	HYWARDEN_WRITE=1 cargo test --locked --test api -- database::schema
	cargo fmt

api: ## write the OpenAPI document, its codes and types, and docs/cli.md, which the tests compare
	@scripts/install test
	HYWARDEN_WRITE=1 cargo test --locked --test api -- openapi the_manual

bench: ## the figures of docs/benchmarks.md, also in target/bench.json
	@scripts/install bench
	cargo bench --locked --bench figures

soak: ## what takes longer: more schedules, more kills, more requests, fuzzing, mutants
	@scripts/install test
	HYWARDEN_SOAK=1 cargo test --release --locked -- --nocapture
	fuzz/run
	tests/mutants/run

clean: ## remove everything that was built, and the tests' clusters
	cargo clean
	rm -rf /tmp/hywarden-test-$$(id -u)-*
