#!/usr/bin/env bash
# Makes everything that is given away, in target/release-files: the static program, its Debian package,
# completions and manual, the bill of materials, the licences and the checksums. Names depend on the
# version and the platform only, times inside on the last commit.
#
#   packaging/release.sh                              for this machine
#   packaging/release.sh aarch64-unknown-linux-gnu    for others whose standard library and linker are there:
#                                                     rustup target add …; apt-get install gcc-aarch64-linux-gnu
#
# Needs cargo-deb (cargo install cargo-deb --version 3.8.0 --locked) and python3.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
host=$(rustc -vV | sed -n 's/^host: //p')
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# Not for the compiler: it would begin anew with each commit.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
unset SOURCE_DATE_EPOCH
# No path of this machine in the program.
export CARGO_ENCODED_RUSTFLAGS
remap="--remap-path-prefix=$root=/hookstead"$'\x1f'"--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
CARGO_ENCODED_RUSTFLAGS="-Ctarget-feature=+crt-static"$'\x1f'"$remap"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER:-aarch64-linux-gnu-gcc}

out=target/release-files parts=target/packaging
rm -rf $out $parts
mkdir -p $out $parts/man $parts/completions

for target in "${@:-$host}"; do
    cargo build --release --locked --target "$target"
    built=target/$target/release/hookstead
    name=hookstead-$version-${target%%-*}-linux
    # Another platform's program cannot be asked for these; its own machine's can.
    own=$built
    [ "$target" = "$host" ] || own=target/$host/release/hookstead
    [ -x "$own" ] || { echo "Build for $host first: its program writes the manual and the completions." >&2; exit 1; }
    "$own" completions bash >$parts/completions/hookstead.bash
    "$own" completions zsh >$parts/completions/_hookstead
    "$own" completions fish >$parts/completions/hookstead.fish
    "$own" man >$parts/man/hookstead.1
    for command in $("$own" help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]\+\) .*/\1/p'); do
        [ "$command" = help ] || "$own" man "$command" >"$parts/man/hookstead-$command.1"
    done
    # What Debian wants to know; the changes themselves are beside it.
    maintainer=$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
    printf 'hookstead (%s-1) unstable; urgency=medium\n\n  * See /usr/share/doc/hookstead/changelog.gz.\n\n -- %s  %s\n' \
        "$version" "$maintainer" "$(LC_ALL=C date --utc --date "@$epoch" --rfc-email)" >$parts/debian-changelog
    # The package keeps its data and their key where the unit says.
    sed -e 's|^#data_dir = "data"|data_dir = "/var/lib/hookstead/data"|' \
        -e 's|^#secret_key_file = ""|secret_key_file = "/var/lib/hookstead/hookstead.key"|' \
        config.example.toml >$parts/hookstead.toml
    grep -q '^data_dir = "/var/lib' $parts/hookstead.toml
    grep -q '^secret_key_file = "/var/lib' $parts/hookstead.toml
    packaging/sbom.py "$target" "$out/$name.cdx.json" $parts/third-party-licences.txt

    SOURCE_DATE_EPOCH=$epoch cargo deb --no-build --no-strip --locked --target "$target" --output $out/ >/dev/null

    # One archive for those without Debian.
    folder=$parts/$name
    mkdir -p "$folder"
    cp -r "$built" LICENSE README.md CHANGELOG.md config.example.toml docs $parts/man $parts/completions \
        $parts/third-party-licences.txt packaging/systemd "$folder"/
    tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" \
        --directory $parts "$name" | gzip --no-name --best >"$out/$name.tar.gz"
    install -m 755 "$built" "$out/$name"
done

(cd $out && sha256sum -- * >SHA256SUMS)
ls -l $out
