# Asks the advisories that are kept here: see .ci/advisory-db/README.md. To be sourced behind .ci/macos.sh.

# Nothing may be in a lock file whose advisories nobody looked for.
all_asked() {
    local missing
    missing=$(sed -n 's/^name = "\(.*\)"/\1/p' Cargo.lock fuzz/Cargo.lock | grep -vx 'cloudward\|cloudward-fuzz' | sort -u |
        comm -23 - <(sort .ci/advisory-db/asked))
    [ -z "$missing" ] && return
    printf '%s: its advisories were not looked for; .ci/advisory-db/README.md says how\n' $missing >&2
    return 1
}

# cargo-deny fetches with git from the database's home; git takes it from here instead.
kept_advisories() {
    local home=https://github.com/RustSec/advisory-db work=$tools/advisories
    all_asked
    rm -rf "$work"
    mkdir -p "$work/up"
    cp -r .ci/advisory-db/crates "$work/up/"
    git -C "$work/up" init --quiet --initial-branch main
    git -C "$work/up" add --all
    git -C "$work/up" -c user.name=ci -c user.email=ci@localhost commit --quiet --message 'advisories'
    sed "/^\[advisories\]/a db-path = \"$work/db\"" .deny.toml >"$work/deny.toml"
    printf '%s advisories of %s crates\n' "$(find .ci/advisory-db/crates -name '*.md' | wc -l)" "$(wc -l <.ci/advisory-db/asked)"
    local lock
    for lock in Cargo.toml fuzz/Cargo.toml; do
        GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$work/up.insteadOf" GIT_CONFIG_VALUE_0=$home \
            "$deny" --config "$work/deny.toml" --manifest-path "$lock" --all-features check advisories
    done
}
