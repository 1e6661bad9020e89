//! SAVE, BGSAVE, BGREWRITEAOF, SHUTDOWN.

use crate::ReplyError;

texts! {
    MISCONF_RDB = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable \
                   to persist to disk. Commands that may modify the data set are disabled, \
                   because this instance is configured to report errors during writes if RDB \
                   snapshotting fails (stop-writes-on-bgsave-error option). Please check the \
                   Redis logs for details about the RDB error.";
    SAVE_FAILED = "ERR";
    SAVE_IN_PROGRESS = "ERR Background save already in progress";
    CHILD_ACTIVE = "ERR Another child process is active (AOF?): can't BGSAVE right now. Use \
                    BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";
    REWRITE_IN_PROGRESS = "ERR Background append only file rewriting already in progress";
    WAITAOF_LOCAL_RANGE = "ERR value is out of range, value must between 0 and 1";
    WAITAOF_REPLICAS_RANGE = "ERR value is out of range, must be positive";
    LOADAOF_FAILED = "ERR Error trying to load the AOF files, check server logs.";
    REWRITE_FAILED = "ERR Can't execute an AOF background rewriting. Please check the server \
                      logs for more information.";
    NO_SHUTDOWN = "ERR No shutdown in progress.";
    SHUTDOWN_DENY_BLOCKING = "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING \
                              client";
    SHUTDOWN_FAILED = "ERR Errors trying to SHUTDOWN. Check logs.";
}
