//! Connections: CLIENT, HELLO, AUTH, the door.
//!
//! Grouped as the commands that send them are. Client libraries compare some of these letter by
//! letter, for example to find out that a server has no password.

use crate::ReplyError;

texts! {
    MAX_CLIENTS = "ERR max number of clients reached";
    MAX_CLIENTS_CLUSTER = "ERR max number of clients + cluster connections reached";
    PROTECTED_MODE = "DENIED Redis is running in protected mode because protected mode is \
                      enabled and no password is set for the default user. In this mode \
                      connections are only accepted from the loopback interface. If you want to \
                      connect from external computers to Redis you may adopt one of the \
                      following solutions: 1) Just disable protected mode sending the command \
                      'CONFIG SET protected-mode no' from the loopback interface by connecting \
                      to Redis from the same host the server is running, however MAKE SURE Redis \
                      is not publicly accessible from internet if you do so. Use CONFIG REWRITE \
                      to make this change permanent. 2) Alternatively you can just disable the \
                      protected mode by editing the Redis configuration file, and setting the \
                      protected mode option to 'no', and then restarting the server. 3) If you \
                      started the server manually just for testing, restart it with the \
                      '--protected-mode no' option. 4) Setup a an authentication password for \
                      the default user. NOTE: You only need to do one of the above things in \
                      order for the server to start accepting connections from the outside.";
    INVALID_NAME = "ERR Client names cannot contain spaces, newlines or special characters.";
    RESET_NORMAL_ONLY = "ERR can only reset normal client connections";
    ID_NOT_POSITIVE = "ERR client-id should be greater than 0";
    INVALID_ID = "ERR Invalid client ID";
    MAXAGE_NOT_INTEGER = "ERR maxage is not an integer or out of range";
    MAXAGE_NOT_POSITIVE = "ERR maxage should be greater than 0";
    NO_SUCH_CLIENT = "ERR No such client";
    UNBLOCK_REASON = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
    PAUSE_MODE = "ERR CLIENT PAUSE mode must be WRITE or ALL";
    REDIRECT_TWICE = "ERR A client can only redirect to a single other client";
    REDIRECT_UNKNOWN = "ERR The client ID you want redirect to does not exist";
    PREFIX_WITHOUT_BCAST = "ERR PREFIX option requires BCAST mode to be enabled";
    SWITCH_BCAST = "ERR You can't switch BCAST mode on/off before disabling tracking for this \
                    client, and then re-enabling it with a different mode.";
    OPT_WITH_BCAST = "ERR OPTIN and OPTOUT are not compatible with BCAST";
    OPTIN_AND_OPTOUT = "ERR You can't specify both OPTIN mode and OPTOUT mode";
    SWITCH_OPT = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this \
                  client, and then re-enabling it with a different mode.";
    CACHING_WITHOUT_TRACKING = "ERR CLIENT CACHING can be called only when the client is in \
                                tracking mode with OPTIN or OPTOUT mode enabled";
    CACHING_YES_WITHOUT_OPTIN = "ERR CLIENT CACHING YES is only valid when tracking is enabled \
                                 in OPTIN mode.";
    CACHING_NO_WITHOUT_OPTOUT = "ERR CLIENT CACHING NO is only valid when tracking is enabled in \
                                 OPTOUT mode.";
    NOPROTO = "NOPROTO unsupported protocol version";
    PROTOCOL_VERSION_NOT_INTEGER = "ERR Protocol version is not an integer or out of range";
    WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled.";
    HELLO_NOAUTH = "NOAUTH HELLO must be called with the client already authenticated, otherwise \
                    the HELLO AUTH <user> <pass> option can be used to authenticate the client \
                    and select the RESP protocol version at the same time";
    AUTH_WITHOUT_PASSWORD = "ERR AUTH <password> called without any password configured for the \
                             default user. Are you sure your configuration is correct?";
}

compositions! {
    unknown_type(name: &[u8]) = "ERR Unknown client type '", name, "'";
    no_such_user(name: &[u8]) = "ERR No such user '", name, "'";
    hello_option(option: &[u8]) = "ERR Syntax error in HELLO option '", option, "'";
    setinfo_option(option: &[u8]) = "ERR Unrecognized option '", option, "'";
    setinfo_value(option: &str) =
        "ERR ", option, " cannot contain spaces, newlines or special characters.";
    prefix_overlaps_existing(prefix: &[u8], other: &[u8]) =
        "ERR Prefix '", prefix, "' overlaps with an existing prefix '", other, "'. Prefixes for a \
         single client must not overlap.";
    prefix_overlaps_provided(prefix: &[u8], other: &[u8]) =
        "ERR Prefix '", prefix, "' overlaps with another provided prefix '", other, "'. Prefixes \
         for a single client must not overlap.";
}
