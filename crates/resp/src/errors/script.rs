//! Scripts and functions.
//!
//! The engines do not exist yet; the texts are here because the suite and clients know them. Codes
//! such as NOSCRIPT and BUSY are part of the text.

use crate::ReplyError;

texts! {
    NOSCRIPT = "NOSCRIPT No matching script. Please use EVAL.";
    NOTBUSY = "NOTBUSY No scripts in execution right now.";
    UNKILLABLE_FROM_MASTER = "UNKILLABLE The busy script was sent by a master instance in the \
                              context of replication and cannot be killed.";
    UNKILLABLE_WROTE = "UNKILLABLE Sorry the script already executed write commands against the \
                        dataset. You can either wait the script termination or kill the server \
                        in a hard way using the SHUTDOWN NOSAVE command.";
    NO_CLUSTER = "ERR Can not run script on cluster, 'no-cluster' flag is set.";
    STALE = "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and \
             'allow-stale' flag is not set on the script.";
    READONLY_REPLICA = "READONLY Can not run script with write flag on readonly replica";
    MISCONF_RDB = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable \
                   to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for \
                   read only scripts.";
    WRITE_IN_RO = "ERR Can not execute a script with write flag using *_ro command.";
    OOM = "OOM allow-oom flag is not set on the script, can not run it when used memory > \
           'maxmemory'";
    FLUSH_OPTION = "ERR SCRIPT FLUSH only support SYNC|ASYNC option";
    DEBUG_IN_PIPELINE = "ERR SCRIPT DEBUG must be called outside a pipeline";
    DEBUG_OPTION = "ERR Use SCRIPT DEBUG YES/SYNC/NO";
    EVALSHA_DEBUG = "ERR Please use EVAL instead of EVALSHA for debugging";
    SHEBANG = "ERR Invalid script shebang";
    SHEBANG_ENGINE = "ERR Invalid engine in script shebang";
    BAD_NUMKEYS = "ERR Bad number of keys provided";
    FUNCTION_NOT_FOUND = "ERR Function not found";
    LIBRARY_NOT_FOUND = "ERR Library not found";
    LIBRARY_NAME = "ERR Library names can only contain letters, numbers, or underscores(_) and \
                    must be at least one character long";
    LIBRARY_NAME_MISSING = "ERR Library name was not given";
    LIBRARY_METADATA_MISSING = "ERR Missing library metadata";
    LIBRARY_METADATA = "ERR Invalid library metadata";
    LIBRARY_NAME_TWICE = "ERR Invalid metadata value, name argument was given multiple times";
    LIBRARY_NAME_ARGUMENT = "ERR library name argument was not given";
    FUNCTION_IN_LIBRARY = "ERR Function already exists in the library";
    NO_FUNCTIONS = "ERR No functions registered";
    CODE_MISSING = "ERR Function code is missing";
    FUNCTION_FLUSH_OPTION = "ERR FUNCTION FLUSH only supports SYNC|ASYNC option";
    RESTORE_POLICY = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or \
                      REPLACE.";
    RESTORE_DATA_TYPE = "ERR can not read data type";
    RESTORE_NOT_FUNCTION = "ERR given type is not a function";
    RESTORE_PAYLOAD = "ERR failed loading the given functions payload";
    CALL_WRONG_ARITY = "ERR Wrong number of args calling Redis command from script";
    CALL_UNKNOWN_COMMAND = "ERR Unknown Redis command called from script";
    CALL_NOT_ALLOWED = "ERR This Redis command is not allowed from script";
    CALL_WRITE_IN_READ_ONLY = "ERR Write commands are not allowed from read-only scripts.";
    CALL_CLUSTER_DOWN_READ_ONLY = "ERR Script attempted to execute a write command while the \
                                   cluster is down and readonly";
    CALL_CLUSTER_DOWN = "ERR Script attempted to execute a command while the cluster is down";
    CALL_NON_LOCAL_KEY = "ERR Script attempted to access a non local key in a cluster node";
    CALL_CROSS_SLOT = "ERR Script attempted to access keys that do not hash to the same slot";
    CALL_STALE = "ERR Can not execute the command on a stale replica";
    CALL_NO_ARGUMENTS = "ERR Please specify at least one argument for this redis lib call";
    CALL_ARGUMENT_TYPES = "ERR Lua redis lib command arguments must be strings or integers";
    CALL_OUTSIDE = "ERR redis.call/pcall can only be called inside a script invocation";
    WRONG_ARITY = "ERR wrong number of arguments";
    WRONG_ARITY_OR_TYPE = "ERR wrong number or type of arguments";
    SET_REPL_OUTSIDE = "ERR redis.set_repl can only be called inside a script invocation";
    SET_REPL_ARITY = "ERR redis.set_repl() requires two arguments.";
    SET_REPL_FLAGS = "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or \
                      REPL_NONE.";
    LOG_ARITY = "ERR redis.log() requires two arguments or more.";
    LOG_LEVEL_TYPE = "ERR First argument must be a number (log level).";
    LOG_LEVEL = "ERR Invalid debug level.";
    SETRESP_OUTSIDE = "ERR redis.setresp can only be called inside a script invocation";
    SETRESP_ARITY = "ERR redis.setresp() requires one argument.";
    SETRESP_VERSION = "ERR RESP version must be 2 or 3.";
    ACL_CHECK_OUTSIDE = "ERR redis.acl_check_cmd can only be called inside a script invocation";
    ACL_CHECK_COMMAND = "ERR Invalid command passed to redis.acl_check_cmd()";
    KILLED = "ERR Script killed by user with SCRIPT KILL...";
    STACK_LIMIT = "ERR reached lua stack limit";
}

compositions! {
    misconf_aof(error: &str) =
        "MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist \
         to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts. AOF \
         error: ", error;
    compiling(reason: &str) = "ERR Error compiling script (new function): ", reason;
    compiling_function(reason: &str) = "ERR Error compiling function: ", reason;
    registering_functions(reason: &str) = "ERR Error registering functions: ", reason;
    unexpected_engine(engine: &[u8]) = "ERR Unexpected engine in script shebang: ", engine;
    unexpected_flag(flag: &[u8]) = "ERR Unexpected flag in script shebang: ", flag;
    unknown_shebang_option(option: &[u8]) = "ERR Unknown lua shebang option: ", option;
    unknown_argument(argument: &[u8]) = "ERR Unknown argument ", argument;
    unknown_option(option: &[u8]) = "ERR Unknown option given: ", option;
    invalid_metadata(part: &[u8]) = "ERR Invalid metadata value given: ", part;
    engine_not_found(engine: &[u8]) = "ERR Engine '", engine, "' not found";
    library_exists(name: &[u8]) = "ERR Library '", name, "' already exists";
    function_exists(name: &[u8]) = "ERR Function ", name, " already exists";
    call_denied(reason: &str) = "ERR The user executing the script ", reason;
}
