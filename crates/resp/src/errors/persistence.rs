//! SAVE, BGSAVE, BGREWRITEAOF, SHUTDOWN.

use crate::ReplyError;

texts! {
    SAVE_IN_PROGRESS = "ERR Background save already in progress";
    CHILD_ACTIVE = "ERR Another child process is active (AOF?): can't BGSAVE right now. Use \
                    BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";
    REWRITE_IN_PROGRESS = "ERR Background append only file rewriting already in progress";
    REWRITE_FAILED = "ERR Can't execute an AOF background rewriting. Please check the server \
                      logs for more information.";
    NO_SHUTDOWN = "ERR No shutdown in progress.";
    SHUTDOWN_DENY_BLOCKING = "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING \
                              client";
    SHUTDOWN_FAILED = "ERR Errors trying to SHUTDOWN. Check logs.";
}
