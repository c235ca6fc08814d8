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
