# bash completion for vitte-trace: verbs, their options, formats, weights, categories, columns, sessions; behind
# the options of run and record, the command to trace.

# A list with commas: what is before the last comma stays.
_vitte_trace_list() {
    local before=
    [[ $cur == *,* ]] && before=${cur%,*},
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${cur##*,}")
    compopt -o nospace
}

_vitte_trace_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_vitte_trace_files() {
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

# Session folders, and folders to go on from.
_vitte_trace_sessions() {
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -X '!*.vtrace' -- "$cur")
    [[ ${#COMPREPLY[@]} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

# Word number $1 begins the command that is to be traced: complete it as if it stood alone.
_vitte_trace_command() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif [[ $COMP_CWORD -eq $1 ]]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$cur")
    else
        _vitte_trace_files
    fi
}

_vitte_trace() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
    local events="functions memory io waits threads locks counters maps samples processes scopes all" columns options word i
    COMPREPLY=()

    if [[ $COMP_CWORD -eq 1 ]]; then
        _vitte_trace_words "run record export report info --help --version"
        return
    fi

    case $verb in
    run) options="-o -f --events --stacks --stack-depth --sample --memory-sample --filter --weight --keep --no-exec-env -q --" ;;
    record) options="-o --events --stacks --stack-depth --sample --memory-sample --no-exec-env -q --" ;;
    export) options="-f -o --filter --weight --diff --orientation --no-lines --keep-going --remove -q" ;;
    report) options="--threads --memory --io --locks --tree --by --weight --min --sort -n --filter --json --no-lines --keep-going" ;;
    info) options="--json --keep-going" ;;
    *) return ;;
    esac

    # run and record: where the command begins
    if [[ $verb == run || $verb == record ]]; then
        for ((i = 2; i <= COMP_CWORD; i++)); do
            word=${COMP_WORDS[i]}
            case $word in
            -o | -f | --output | --format | --events | --sample | --filter | --weight) ((i++)) ;;
            --)
                [[ $i -lt $COMP_CWORD ]] || break
                _vitte_trace_command $((i + 1))
                return
                ;;
            -*) ;;
            *)
                # not the argument of an option, so it is the command's first word
                [[ $i -gt $COMP_CWORD ]] || _vitte_trace_command "$i"
                return
                ;;
            esac
        done
    fi

    case $previous in
    -o | --output) _vitte_trace_files && return ;;
    -f | --format) _vitte_trace_words "chrome json folded flamegraph vitte-profile" && return ;;
    --events) _vitte_trace_list "$events" && return ;;
    --sample) _vitte_trace_words "auto 100 1000" && return ;;
    --by)
        case " ${COMP_WORDS[*]} " in
        *" --io "*) _vitte_trace_words "stack function module" ;;
        *) _vitte_trace_words "stack function module size" ;;
        esac
        return
        ;;
    --weight)
        _vitte_trace_words "self samples wall calls allocated leaked peak temporary io-bytes lock-wait" && return
        ;;
    --orientation) _vitte_trace_words "icicle flame" && return ;;
    --diff) _vitte_trace_sessions && return ;;
    --filter | --min) return ;;
    -n) return ;;
    --sort)
        case " ${COMP_WORDS[*]} " in
        *" --threads "*) columns="pid tid process thread lived cpu spans functions io waited allocations allocated" ;;
        *" --memory "*"--by "* | *" --by "*"--memory "*)
            columns="allocated allocations peak live live_blocks temporary lived"
            ;;
        *" --memory "*)
            columns="pid process allocations allocated frees peak live live_blocks failed unknown_frees"
            ;;
        *" --io "*"--by "* | *" --by "*"--io "*) columns="total calls read written slowest failed" ;;
        *" --io "*) columns="total calls read written slowest failed opens rereads small syncs pid file" ;;
        *" --locks "*) columns="waited waits longest held longest_held allocations io_calls io pid lock" ;;
        *) columns="total self cpu calls min avg p50 p99 max tag function location module" ;;
        esac
        _vitte_trace_words "$columns" && return
        ;;
    esac

    if [[ $cur == -* ]]; then
        _vitte_trace_words "$options"
    else
        _vitte_trace_sessions
    fi
}

complete -F _vitte_trace vitte-trace
