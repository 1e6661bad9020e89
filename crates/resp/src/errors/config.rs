//! CONFIG. (The texts of single directives stand in the server's directive table.)

use crate::ReplyError;

texts! {
    NO_FILE = "ERR The server is running without a config file";
    ENUM_OR_BOOL = "ERR argument must be 'yes' or 'no'";
}

compositions! {
    unknown_option(name: &[u8]) =
        "ERR Unknown option or number of arguments for CONFIG SET - '", name, "'";
    set_failed(name: &str, reason: &str) =
        "ERR CONFIG SET failed (possibly related to argument '", name, "') - ", reason;
    set_failed_silently(name: &str) =
        "ERR CONFIG SET failed (possibly related to argument '", name, "')";
    rewrite_failed(reason: &str) = "ERR Rewriting config file: ", reason;
}
