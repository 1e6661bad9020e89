//! SAVE, BGSAVE, BGREWRITEAOF, SHUTDOWN.

use crate::ReplyError;

texts! {
    SAVE_IN_PROGRESS = "ERR Background save already in progress";
    CHILD_ACTIVE = "ERR Another child process is active (AOF?): can't BGSAVE right now. Use \
                    BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";
    REWRITE_IN_PROGRESS = "ERR Background append only file rewriting already in progress";
    WAITAOF_LOCAL_RANGE = "ERR value is out of range, value must between 0 and 1";
    WAITAOF_REPLICAS_RANGE = "ERR value is out of range, must be positive";
    WAITAOF_DISABLED = "ERR WAITAOF cannot be used when numlocal is set but appendonly is \
                        disabled.";
    LOADAOF_FAILED = "ERR Error trying to load the AOF files, check server logs.";
    REWRITE_FAILED = "ERR Can't execute an AOF background rewriting. Please check the server \
                      logs for more information.";
    NO_SHUTDOWN = "ERR No shutdown in progress.";
    SHUTDOWN_DENY_BLOCKING = "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING \
                              client";
    SHUTDOWN_FAILED = "ERR Errors trying to SHUTDOWN. Check logs.";
}
