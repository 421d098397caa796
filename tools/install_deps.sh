#!/bin/sh
# Installs, with apt, what a target of the Makefile needs and this machine lacks.
# usage: install_deps.sh build|demo|test|bench|fuzz
set -eu
build="cmake pkg-config gcc libc6-dev libyaml-dev libjansson-dev libsystemd-dev libpcre2-dev nettle-dev libxml2-dev"
demo="$build python3 sip-tester"
test="$demo baresip-core clang libclang-rt-14-dev libcmocka-dev kamailio tshark procps"
bench="$demo kamailio procps"
fuzz="$build python3 clang libclang-rt-14-dev libcmocka-dev"
case "${1:-}" in
build) want=$build ;;
demo) want=$demo ;;
test) want=$test ;;
bench) want=$bench ;;
fuzz) want=$fuzz ;;
*) echo "usage: $0 build|demo|test|bench|fuzz" >&2; exit 2 ;;
esac
missing=""
for package in $want; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0
as_root=""
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "needs root or sudo to install:$missing" >&2; exit 1; }
	as_root=sudo
fi
echo "installing:$missing"
log=$(mktemp)
if ! { $as_root apt-get update -qq &&
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
	cat "$log" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"
# The packaged Kamailio is only a peer of the tests and of the bench: it need not run as a service.
case " $missing " in *" kamailio "*) $as_root systemctl disable --now kamailio >/dev/null 2>&1 || true ;; esac
