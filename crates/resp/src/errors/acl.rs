//! Users and permissions.

use crate::ReplyError;

texts! {
    NOPERM_KEY = "NOPERM this user has no permissions to access one of the keys used as arguments";
    NOPERM_CHANNEL = "NOPERM this user has no permissions to access one of the channels used as \
                      arguments";
    USERNAME_CHARACTERS = "ERR Usernames can't contain spaces or null characters";
    DEFAULT_USER_NOT_REMOVABLE = "ERR The 'default' user cannot be removed";
    NO_FILE = "ERR This Redis instance is not configured to use an ACL file. You may want to \
               specify users via the ACL SETUSER command and then issue a CONFIG REWRITE \
               (assuming you have a Redis configuration file set) in order to store users in the \
               Redis configuration.";
    SAVE_FAILED = "ERR There was an error trying to save the ACLs. Please check the server logs \
                   for more information";
}

compositions! {
    noperm_command(name: &str) =
        "NOPERM this user has no permissions to run the '", name, "' command";
    dryrun_command(name: &str) = "ERR This user has no permissions to run the '", name, "' command";
    dryrun_key(key: &[u8]) = "ERR This user has no permissions to access the '", key, "' key";
    dryrun_channel(channel: &[u8]) =
        "ERR This user has no permissions to access the '", channel, "' channel";
    setuser_modifier(modifier: &[u8], reason: &str) =
        "ERR Error in ACL SETUSER modifier '", modifier, "': ", reason;
    unmatched_parenthesis(at: &[u8]) =
        "ERR Unmatched parenthesis in acl selector starting at '", at, "'.";
    unknown_category(name: &[u8]) = "ERR Unknown category '", name, "'";
    genpass_bits(max: usize) =
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive \
         number up to ", max;
    user_not_found(name: &[u8]) = "ERR User '", name, "' not found";
    command_not_found(name: &[u8]) = "ERR Command '", name, "' not found";
}
