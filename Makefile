# The front door. Everything is built below build/; see README.md.
BUILD   := build
JOBS    := $(shell nproc)
GENERATE = cmake -S . -B $(1) -DCMAKE_C_COMPILER=$(2) -DCMAKE_RULE_MESSAGES=OFF $(3) >/dev/null

# $(1): folder below build/, $(2): compiler, $(3): options
BUILD_IN = echo "building in $(BUILD)/$(1)" >&2 && $(call GENERATE,$(BUILD)/$(1),$(2),$(3)) && \
	cmake --build $(BUILD)/$(1) -j$(JOBS) -- -s --no-print-directory
BUILD_RELEASE = $(call BUILD_IN,release,gcc,-DADIEU_TESTS=OFF)

.PHONY: all demo test races bench fuzz install deps-build deps-demo deps-test deps-bench deps-fuzz tsan clean

all: deps-build
	@$(BUILD_RELEASE)

deps-build deps-demo deps-test deps-bench deps-fuzz: deps-%:
	@sh tools/install_deps.sh $*

# One call set up, released by the operator, and the answer to "why did it end?".
# SCENE=srvcc: a handover that comes in time after the access was lost, beside one that does not.
demo: deps-demo
	@$(BUILD_RELEASE)
	@python3 tools/demo.py --build $(BUILD)/release $(if $(SCENE),--scene $(SCENE))

test: deps-test
	@python3 tools/run_tests.py

# Every order of the events of an access transfer, on virtual time; RACES_OPTIONS=--help says more.
races: deps-build
	@$(BUILD_RELEASE)
	@$(BUILD)/release/races $(RACES_OPTIONS)

# About twenty minutes; BENCH_OPTIONS=--quick for a first look, see bench/README.md.
bench: deps-bench
	@$(BUILD_RELEASE)
	@python3 bench/bench.py --build $(BUILD)/release $(BENCH_OPTIONS)

# FUZZ_SECONDS per target; the corpus is in fuzz/corpus and grows by what is found.
FUZZ_SECONDS ?= 600
fuzz: deps-fuzz
	@$(call BUILD_IN,fuzz,clang,-DADIEU_SANITIZE=address -DADIEU_FUZZ=ON -DADIEU_TESTS=OFF)
	@python3 fuzz/run.py --build $(BUILD)/fuzz --seconds $(FUZZ_SECONDS)

# Two workers under ThreadSanitizer with a SIPp load.
tsan: deps-test
	@$(call BUILD_IN,tsan,clang,-DADIEU_SANITIZE=thread -DADIEU_TESTS=OFF)
	@python3 test/peers/tsan_load.py --build $(BUILD)/tsan

install: all
	cmake --install $(BUILD)/release

clean:
	rm -rf $(BUILD)
