# Sourced by .ci/run: Debian's rsyslog and syslog-ng, unpacked side by side (installed they exclude each other), and
# tinyproxy.

receivers=.tools/receivers

install_receivers() {
    local packages library
    library=$(dpkg --print-architecture)
    if [ ! -x "$receivers/rsyslog/usr/sbin/rsyslogd" ] || [ ! -x "$receivers/syslog-ng/usr/sbin/syslog-ng" ] ||
        [ ! -x "$receivers/tinyproxy/usr/bin/tinyproxy" ]; then
        packages="rsyslog rsyslog-gnutls rsyslog-openssl libestr0 libfastjson4 liblognorm5 syslog-ng-core libivykis0
            libnet1 libjson-c5 libpcre3 libwrap0 tinyproxy-bin"
        mkdir -p "$receivers/debs"
        # shellcheck disable=SC2086
        (cd "$receivers/debs" && apt-get -qq download $packages 2>/dev/null) ||
            { apt-get -qq update && (cd "$receivers/debs" && apt-get -qq download $packages); }
        local deb to
        for deb in "$receivers"/debs/*_"$library".deb; do
            to=syslog-ng
            case "${deb##*/}" in rsyslog* | libestr0* | libfastjson4* | liblognorm5*) to=rsyslog ;; tinyproxy*) to=tinyproxy ;; esac
            dpkg -x "$deb" "$receivers/$to"
        done
    fi
}
