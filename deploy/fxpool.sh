#!/usr/bin/env bash
# One gateway on this machine: deploy/fxpool.sh start|stop|restart|status|logs|test|vault|run COMMAND...
# It runs under PM2, or under systemd where fxpool.service is installed. See docs/deploy.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly url="http://127.0.0.1:${CTRADER_POOL_PORT:-8088}"
readonly fxpool="${FXPOOL:-.venv/bin/fxpool}"

manager() {
    if systemctl cat fxpool.service >/dev/null 2>&1; then echo systemd; else echo pm2; fi
}

usage() {
    echo "usage: ${0##*/} start|stop|restart|status|logs|test|vault|run COMMAND..." >&2
    exit 2
}

answers() { # whether the gateway serves; prints what it says of itself
    curl --silent --show-error --fail --max-time 5 "$url/health" && echo
}

on_systemd() {
    case "$1" in
        start | stop | restart) sudo systemctl "$1" fxpool ;;
        status) systemctl --no-pager status fxpool ;;
        logs) journalctl --unit fxpool --lines 100 --follow ;;
    esac
}

on_pm2() {
    case "$1" in
        start) pm2 start ecosystem.ctrader.config.cjs ;;
        stop) pm2 stop ctrader-pool ;;
        restart) pm2 restart ctrader-pool --update-env ;;
        status) pm2 describe ctrader-pool ;;
        logs) pm2 logs ctrader-pool --lines 100 ;;
    esac
}

command_line() { # an fxpool command with the gateway's own user, environment and data folder
    if [ "$(manager)" = pm2 ]; then
        "$fxpool" "$@"
    else
        sudo systemd-run --quiet --collect --wait --pipe --uid=fxpool --gid=fxpool \
            --working-directory="$PWD" --property=EnvironmentFile=/etc/fxpool/environment \
            --property=UMask=0077 --setenv=CTRADER_DATA_DIR=/var/lib/fxpool "$PWD/$fxpool" "$@"
    fi
}

case "${1:-}" in
    start | stop | restart | logs) "on_$(manager)" "$1" ;;
    status)
        "on_$(manager)" status
        answers
        ;;
    test)
        command_line doctor
        answers
        ;;
    vault) command_line secrets check ;;
    run) command_line "${@:2}" ;;
    *) usage ;;
esac
