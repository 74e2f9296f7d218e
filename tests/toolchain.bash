# The compiler and linker for other machines, for tests/cross and tests/package: to be sourced from the clone's root.
#
# Debian has a compiler with the sources of its standard library, which is built along; it leaves a toolchain of
# rustup's alone. The C compiler and the C library of static programs come with zig. What is not a Debian package is
# installed into $HEADLAND_TOOLS, once.

tools=${HEADLAND_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/headland-tools}
zig_version=0.17.1
zigbuild_version=0.24.0
deb_version=3.8.0

armv7=armv7-unknown-linux-musleabihf
aarch64=aarch64-unknown-linux-musl
x86_64=x86_64-unknown-linux-musl

# Installs those of these Debian packages that are missing.
debian() {
  local missing=() package root=""
  for package in "$@"; do
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  [ "$(id -u)" -eq 0 ] || root="sudo"
  # A foreign architecture's index may be out of step on a mirror, and would fail the update of all.
  $root apt-get -o APT::Architectures="$(dpkg --print-architecture)" update -qq
  DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

compilers() {
  if ! command -v apt-get >/dev/null; then
    echo "$0: this is neither Debian nor Ubuntu: use cross, as docs/install.md says" >&2
    exit 2
  fi
  debian rustc-web cargo-web rust-web-src gcc libc6-dev python3-venv
  if [ ! -x "$tools/venv/bin/cargo-zigbuild" ]; then
    echo "installing: zig and cargo-zigbuild in $tools"
    mkdir -p "$tools"
    python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install --quiet "ziglang==$zig_version" "cargo-zigbuild==$zigbuild_version"
  fi
}

# cargo for a target, with its standard library built along: foreign TARGET COMMAND ARGUMENT...
# The targets of musl are linked by zig, which has the C library's first objects; rustc must not look for its own.
foreign() (
  local target=$1 cargo=/usr/bin/cargo variable
  shift
  export CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
  export CARGO_TARGET_DIR=target/cross
  export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
  export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
  export CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER=arm-linux-gnueabihf-gcc
  export CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_RUNNER="qemu-arm -L /usr/arm-linux-gnueabihf"
  export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER=qemu-aarch64
  export CARGO_TARGET_ARMV7_UNKNOWN_LINUX_MUSLEABIHF_RUNNER=qemu-arm
  if [[ $target == *-musl* ]]; then
    cargo=$tools/venv/bin/cargo-zigbuild
    export PATH="$tools/venv/bin:$PATH"
    flags="-Clink-self-contained=no ${flags:-}"
  fi
  variable=CARGO_TARGET_$(echo "$target" | tr 'a-z-' 'A-Z_')_RUSTFLAGS
  export "$variable=${flags:-}"
  "$cargo" "$@" --target "$target" -Zbuild-std=std,panic_abort
)

# A program as it is shipped: ship TARGET PROGRAM. A panic ends it, so that nothing is ever unwound; and every ARMv7
# runs the short instructions, which make a third less of it.
ship() {
  local flags=-Cforce-unwind-tables=no
  [[ $1 != armv7-* ]] || flags="$flags -Ctarget-feature=+thumb-mode"
  foreign "$1" build --quiet --profile dist --package "$2" --bin "$2" -Zbuild-std-features=optimize_for_size
}

# Where a shipped program is: shipped TARGET PROGRAM
shipped() {
  echo "target/cross/$1/dist/$2"
}
