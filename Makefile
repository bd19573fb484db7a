# daegeum on one machine. Everything that is fetched goes to .cache/, everything that runs to .daegeum/.

CARGO ?= cargo
PYTHON ?= python3
# What `demo` and `dev` run: the quick build. `make dev PROFILE=release` takes the optimized one.
PROFILE ?= dev
# What follows the command of `demo` and `dev`: make dev ARGS="--port 0"
ARGS ?=
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/daegeum
BUILD := $(CARGO) build --locked --profile $(PROFILE) --package daegeum

.PHONY: help demo dev test check chaos cluster bench notices temporal-cli build

help: ## show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: build temporal-cli ## run the main job once: real checkouts, then the books; exit 0 if all is right
	@TEMPORAL_CLI="$$(temporal/cluster/temporal-cli --path)" $(BINARY) demo $(ARGS)

dev: build temporal-cli ## run everything and keep it up, with the buyer's page and the Temporal UI
	@TEMPORAL_CLI="$$(temporal/cluster/temporal-cli --path)" $(BINARY) dev $(ARGS)

test: temporal-cli ## run all tests; says which optional part is left out, and why
	@TEMPORAL_CLI="$$(temporal/cluster/temporal-cli --path)" daegeum/tests/run

check: ## the quick loop: fmt, clippy, and every test that needs no server and no browser
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --workspace --all-targets --locked --quiet -- -D warnings
	@CARGO=$(CARGO) $(PYTHON) daegeum/tests/check

chaos: temporal-cli ## kill anything at random under load and see that nothing is lost: ARGS="--seed 1 --database postgres"
	@daegeum/tests/chaos/run $(ARGS)

cluster: temporal-cli ## start a real Temporal cluster, replicated PostgreSQL, two `serve` and HAProxy: ARGS="up | status | stop"
	@daegeum/tests/chaos/make-cluster $(ARGS)

bench: ## run all benchmarks and print their tables; wants PostgreSQL
	@daegeum/benches/run $(ARGS)

notices: ## write THIRD-PARTY-NOTICES.md anew, after a change of dependencies
	@UPDATE=1 $(CARGO) test --locked --package daegeum --test it -- dependencies

build: ## build the binary; PROFILE=release also prints its size
	@$(BUILD)
	@[ $(PROFILE) = dev ] || echo "$(BINARY): $$(($$(stat -c %s $(BINARY)) / 1048576)) MiB"

temporal-cli: ## find the Temporal command line, or fetch it into .cache/
	@temporal/cluster/temporal-cli
