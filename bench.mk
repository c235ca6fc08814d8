# The benchmark compares the function with the programs that a user would choose instead. The results are in BENCHMARKS.md. REPOS names the local
# repositories to measure on, as PATH or NAME=PATH. RUNS, COUNTS (sizes of the generated repositories) and BLOB=no make it shorter.

REPOS ?=
RUNS ?= 3
COUNTS ?= 1000,2000,5000,10000,20000,50000,100000
BLOB ?= yes

.PHONY: bench

bench: $(tests)/.test ## compares a run with boto3, git clone and git archive; REPOS="PATH NAME=PATH"
	cargo build --locked --release --package codecommit-multibranch --package emulator --bins
	cargo build --locked --release --package codecommit-multibranch --examples
	$(tests)/bin/python -B benches/compare.py --programs $(target)/release --runs $(RUNS) --counts $(COUNTS) \
	    $(if $(filter no,$(BLOB)),--no-blob) $(REPOS)

# The fuzz programs need a nightly compiler. The flags are those of cargo-fuzz; libdeflate has equal names in several of its objects, and a
# thread that is about to end looks like a leak. A crash is in fuzz/artifacts. NAMES="tree pack" selects targets, FOR is the number of seconds
# for each.
FOR ?= 600
NAMES ?= $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))
coverage := -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares)

.PHONY: fuzz soak

fuzz: host = $(shell rustc +nightly -vV | sed -n 's/^host: //p')
fuzz: ## each fuzz target for ten minutes, beginning with the inputs of its test; NAMES="tree pack", FOR=60
	CORPUS=$(CURDIR)/fuzz/corpus cargo test --locked --workspace --test it every_target_runs
	cd fuzz && RUSTFLAGS='$(coverage) -Zsanitizer=address --cfg fuzzing -Cdebug-assertions' \
	    cargo +nightly build --release --target $(host) --target-dir target
	@for name in $(NAMES); do \
	    mkdir -p fuzz/artifacts/$$name; \
	    ASAN_OPTIONS=detect_odr_violation=0 fuzz/target/$(host)/release/$$name -max_total_time=$(FOR) -timeout=25 -rss_limit_mb=2048 \
	        -detect_leaks=0 -artifact_prefix=fuzz/artifacts/$$name/ fuzz/corpus/$$name || exit 1; \
	done

EVENTS ?= 10000

soak: export EVENTS := $(EVENTS)
soak: ## many pushes through one process of the function, with its memory, descriptors and time; EVENTS=10000
	cargo test --locked --release --workspace --test it soak -- --nocapture
