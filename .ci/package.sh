# The installer package, read and tried; sourced by .ci/run and .ci/release.

contents="Library/Application Support/cloudward/Cloudward.app/Contents"
entitlement=com.apple.developer.endpoint-security.client

install_package_readers() {
    apt_install bsdtar libarchive-tools
    apt_install cpio cpio
    apt_install shellcheck shellcheck
    apt_install busybox busybox-static
    apt_install llvm-lipo-14 llvm-14
    apt_install openssl openssl
}

# A profile as Apple's: a property list in a signed CMS envelope, by a signer of our own making.
stand_in_profile() {
    local out=$1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$out.key" -out "$out.crt" -days 2 \
        -subj "/CN=stand-in" 2>/dev/null
    cat >"$out.plist" <<XML
<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>Entitlements</key><dict>
<key>$entitlement</key><true/>
<key>com.apple.application-identifier</key><string>ABCDE12345.com.cloudward.daemon</string>
<key>com.apple.developer.team-identifier</key><string>ABCDE12345</string>
<key>keychain-access-groups</key><array><string>ABCDE12345.*</string></array>
</dict></dict></plist>
XML
    openssl cms -sign -binary -nodetach -in "$out.plist" -signer "$out.crt" -inkey "$out.key" -outform DER -out "$out"
}

# package_of OUT [ARGUMENT...]: packages the programs of mac-link; the package's path.
package_of() {
    local out=$1 target binaries=()
    shift
    for target in "${mac_targets[@]}"; do binaries+=(--binary "$(mac_binary "$target")"); done
    launchd/package --out "$out" "${binaries[@]}" "$@"
}

# read_package PACKAGE OUT [WHAT SIGNATURE.PY SHALL DEMAND...]
read_package() {
    local package=$1 out=$2 version
    shift 2
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
    python3 .ci/pkg.py "$package" "$version" "$out"
    [ "$(llvm-lipo-14 -archs "$out/payload/$contents/MacOS/cloudward" | tr -d '\n')" = "x86_64 arm64 " ]
    python3 .ci/signature.py --bundle "$out/payload/$contents" "$@" "$out/payload/$contents/MacOS/cloudward"
}

# A signature that is not true must not pass: else the reader above proves nothing.
tampering_shows() {
    local bundle=$1 program at
    program=$bundle/MacOS/cloudward
    cp "$program" "$program.whole"
    at=$(($(stat -c %s "$program") / 4))
    printf 'tampered' | dd of="$program" bs=1 seek="$at" conv=notrunc status=none
    ! python3 .ci/signature.py --bundle "$bundle" "$program" || return 1
    mv "$program.whole" "$program"
    echo >>"$bundle/Resources/cloudward.toml"
    ! python3 .ci/signature.py --bundle "$bundle" "$program" || return 1
    echo "tampering shows"
}

check_package() {
    local out=target/ci/package package
    mkdir -p "$out"
    shellcheck launchd/uninstall launchd/scripts/preinstall launchd/scripts/postinstall
    package=$(package_of "$out/plain")
    read_package "$package" "$out/read" --no-entitlements
    # Signing has moved nothing that the program is loaded by: it still runs, from within the universal file.
    build_machrun
    "$machrun" "$out/read/payload/$contents/MacOS/cloudward" --version
    package_of "$out/again"
    cmp "$package" "$out/again/${package##*/}"
    cargo build --locked --quiet
    .ci/install_story.sh "$out/read" target/debug/cloudward "$out/disk"

    stand_in_profile "$out/stand-in.provisionprofile"
    package=$(package_of "$out/entitled" --profile "$out/stand-in.provisionprofile")
    read_package "$package" "$out/read" --entitlement "$entitlement" --entitlement com.apple.application-identifier
    tampering_shows "$out/read/payload/$contents"
    if package_of "$out/refused" --profile Cargo.toml; then
        echo "took a file for a provisioning profile that is none"
        return 1
    fi
    rm -rf "$out"/{plain,again,entitled,refused,read}
}
