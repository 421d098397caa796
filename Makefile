# The front door. Everything is built below build/; see README.md.
BUILD   := build
JOBS    := $(shell nproc)
GENERATE = cmake -S . -B $(1) -DCMAKE_C_COMPILER=$(2) $(3) >/dev/null

.PHONY: all demo test bench fuzz install deps-build deps-demo deps-test deps-bench deps-fuzz tsan clean

all: deps-build
	@$(call GENERATE,$(BUILD)/release,gcc,-DADIEU_TESTS=OFF)
	@cmake --build $(BUILD)/release -j$(JOBS) -- -s --no-print-directory

deps-%:
	@sh tools/install_deps.sh $*

# One call set up, released by the operator, and the answer to "why did it end?".
demo: deps-demo
	@$(call GENERATE,$(BUILD)/release,gcc,-DADIEU_TESTS=OFF)
	@cmake --build $(BUILD)/release -j$(JOBS) -- -s --no-print-directory
	@python3 tools/demo.py --build $(BUILD)/release

test: deps-test
	@python3 tools/run_tests.py

# About a quarter of an hour; BENCH_OPTIONS=--quick for a first look, see bench/README.md.
bench: deps-bench
	@$(call GENERATE,$(BUILD)/release,gcc,-DADIEU_TESTS=OFF)
	@cmake --build $(BUILD)/release -j$(JOBS) -- -s --no-print-directory
	@python3 bench/bench.py --build $(BUILD)/release $(BENCH_OPTIONS)

# FUZZ_SECONDS per target; the corpus is in fuzz/corpus and grows by what is found.
FUZZ_SECONDS ?= 600
fuzz: deps-fuzz
	@$(call GENERATE,$(BUILD)/fuzz,clang,-DADIEU_SANITIZE=address -DADIEU_FUZZ=ON -DADIEU_TESTS=OFF)
	@cmake --build $(BUILD)/fuzz -j$(JOBS) -- -s --no-print-directory
	@python3 fuzz/run.py --build $(BUILD)/fuzz --seconds $(FUZZ_SECONDS)

# Two workers under ThreadSanitizer with a SIPp load.
tsan: deps-test
	@$(call GENERATE,$(BUILD)/tsan,clang,-DADIEU_SANITIZE=thread -DADIEU_TESTS=OFF)
	@cmake --build $(BUILD)/tsan -j$(JOBS) -- -s --no-print-directory
	@python3 test/peers/tsan_load.py --build $(BUILD)/tsan

install: all
	cmake --install $(BUILD)/release

clean:
	rm -rf $(BUILD)
