# The stack's part of the Makefile: the release, the checks of the template, and commands for a deployed stack.
# GNU make; needs Rust and Python 3. The other tools are installed into .tools/.

# The value of a key in samconfig.toml, from the first section that has it.
setting = $(shell sed -n 's/^$(1) *= *"\(.*\)".*/\1/p' samconfig.toml 2>/dev/null | head -n 1)

STACK ?= $(or $(call setting,stack_name),codecommit-multibranch)
REGION ?= $(or $(AWS_REGION),$(AWS_DEFAULT_REGION),$(call setting,region))
CONFIG ?= default
packaged = target/releases/$(or $(RELEASE),$(shell git describe --always --dirty --tags)).yaml
EVENT ?= events/branch-updated.json
# The architecture is set in one place: the settings of the deployment.
ARCH ?= $(if $(shell grep -s 'Architecture=arm64' samconfig.toml),arm64,x86_64)

this := $(lastword $(MAKEFILE_LIST))
venv := .tools/venv
checkov := .tools/checkov
stack_checks := .tools/stack-checks
templates := template.yaml stack/project.yaml stack/product.yaml stack/cleanup.yaml stack/source-account.yaml
triple.x86_64 := x86_64-unknown-linux-gnu
triple.arm64 := aarch64-unknown-linux-gnu
triple = $(triple.$(ARCH))
in_region = $(if $(REGION),--region $(REGION))
binary = target/$(triple)/release/updates
# The oldest glibc that Rust supports. The command line runs on old systems, and the function on provided.al2023, which has 2.34.
glibc := 2.17

export SAM_CLI_TELEMETRY := 0

.PHONY: release requirements bootstrap build-UpdatesFunction build-LifecycleFunction build-ReportFunction validate deploy invoke logs redrive

# Writes the folder of a release, which a person with only the AWS CLI deploys. VERSION must be the one in Cargo.toml. arm64 is in it if
# Rust has the target.
release: $(venv)/.build $(venv)/.sam
	@[ -n "$(VERSION)" ] || { echo "VERSION=the version in Cargo.toml" >&2; exit 2; }
	$(venv)/bin/python stack/release.py $(VERSION) dist/$(VERSION)

# Builds the function's binary, or other PROGRAMS. zig links them for an old glibc, independent of this machine's glibc. The binaries have
# no paths of this machine, so that the same commit makes the same bytes in every folder.
bootstrap: PROGRAMS ?= --bin updates
bootstrap: $(venv)/.build
	@[ -n "$(triple)" ] || { echo "ARCH=$(ARCH): x86_64 or arm64" >&2; exit 2; }
	@[ -d "$$(rustc --print target-libdir --target $(triple))" ] || \
	    { echo "$(ARCH): Rust's library for $(triple) is missing: rustup target add $(triple)" >&2; exit 2; }
	cargo fetch --locked
	@rust="--remap-path-prefix=$(CURDIR)=/build"; c="-ffile-prefix-map=$(CURDIR)=/build"; \
	for folder in "$${CARGO_HOME:-$$HOME/.cargo}"/registry/src/*; do \
	    rust="$$rust --remap-path-prefix=$$folder=/crates"; c="$$c -ffile-prefix-map=$$folder=/crates"; \
	done; \
	RUSTFLAGS="$$rust" CFLAGS="$$c" PATH="$(CURDIR)/$(venv)/bin:$$PATH" \
	    cargo zigbuild --release --locked $(PROGRAMS) --target $(triple).$(glibc)
	@newest=$$(grep -aoE 'GLIBC_2\.[0-9]+' $(binary) | sort -uV | tail -1); \
	[ "$$(printf '%s\n' "$$newest" GLIBC_$(glibc) | sort -V | tail -1)" = GLIBC_$(glibc) ] || \
	    { echo "$(binary) needs $$newest, more than GLIBC_$(glibc)" >&2; exit 1; }

# `sam build` calls these targets, from stack/function/Makefile.
build-UpdatesFunction build-LifecycleFunction build-ReportFunction: bootstrap
	cp $(binary) "$(ARTIFACTS_DIR)/bootstrap"

# Runs all checks of the stack that need no AWS account: the templates (also as a plain template, and rendered for each set of
# parameters), the policies, and the tests of the scripts.
# W1028: in the plain template, the condition of a resource may already decide an Fn::If in it. W1030: see template.yaml. W1031: the
# repository has no name by default. W8003: what the main stack hands its project decides some of the project's conditions.
validate: $(venv)/.sam $(checkov)/.checkov $(stack_checks)/.stack
	$(venv)/bin/sam validate --lint --region eu-central-1
	$(venv)/bin/cfn-lint $(templates)
	@mkdir -p target
	$(venv)/bin/python stack/plain.py template.yaml > target/hub.json
	$(venv)/bin/python stack/plain.py stack/project.yaml > target/project.json
	$(venv)/bin/cfn-lint --ignore-checks W1028 W1030 W1031 W8003 -- target/hub.json target/project.json
	$(venv)/bin/python stack/checks/rendered.py target/hub.json target/rendered
	$(venv)/bin/python stack/checks/rendered.py target/project.json target/rendered/projects stack/project.yaml
	$(venv)/bin/cfn-lint target/rendered/*.json target/rendered/projects/*.json
	$(checkov)/bin/checkov --file $(templates) --config-file stack/checkov.yaml
	$(stack_checks)/bin/python stack/checks/policies.py
	$(stack_checks)/bin/shellcheck --shell bash $(wildcard stack/*.sh)
	$(stack_checks)/bin/pytest --quiet -p no:cacheprovider stack/tests

# Builds, uploads and deploys. target/releases/VERSION.yaml names the uploaded files. To go back, RELEASE=VERSION deploys that version
# again without a build.
deploy: $(venv)/.sam samconfig.toml
	@[ -z "$(RELEASE)" ] || [ -e "$(packaged)" ] || { echo "$(packaged) is missing: there is no release $(RELEASE) to deploy" >&2; exit 2; }
	$(if $(RELEASE),,$(venv)/bin/sam build)
	@mkdir -p $(dir $(packaged))
	$(if $(RELEASE),,$(venv)/bin/sam package --resolve-s3 $(in_region) --output-template-file $(packaged))
	$(venv)/bin/sam deploy --template-file $(packaged) --config-file $(CURDIR)/samconfig.toml --config-env $(CONFIG)

samconfig.toml: | $(venv)/.sam
	$(venv)/bin/python stack/configure.py

invoke: $(venv)/.sam
	$(venv)/bin/sam remote invoke UpdatesFunction --stack-name $(STACK) --event-file $(EVENT) $(in_region)

logs: $(venv)/.sam
	$(venv)/bin/sam logs --stack-name $(STACK) --tail $(in_region)

# Sends the events in the failure queue to the function again, after a question. DRY_RUN=1 only shows them, YES=1 does not ask.
redrive: $(venv)/.sam
	$(if $(REGION),AWS_DEFAULT_REGION=$(REGION)) $(venv)/bin/python stack/redrive.py $(if $(DRY_RUN),--dry-run) $(if $(YES),--yes) $(STACK)

# Locks the versions and hashes of stack/requirements/*.in again.
requirements: $(venv)/.lock
	$(venv)/bin/python stack/lock.py $(venv)/bin/uv

$(venv)/.%: stack/requirements/%.txt | $(venv)
	$(venv)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(checkov)/.checkov: stack/requirements/checkov.txt
	python3 -m venv $(checkov)
	$(checkov)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(stack_checks)/.stack: stack/requirements/stack.txt
	python3 -m venv $(stack_checks)
	$(stack_checks)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(venv):
	python3 -m venv $@
