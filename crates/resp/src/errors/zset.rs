//! Sorted sets.

use crate::ReplyError;

texts! {
    XX_AND_NX = "ERR XX and NX options at the same time are not compatible";
    GT_LT_NX = "ERR GT, LT, and/or NX options at the same time are not compatible";
    INCR_SINGLE_PAIR = "ERR INCR option supports a single increment-element pair";
    RESULTING_SCORE_NAN = "ERR resulting score is not a number (NaN)";
    WEIGHT_NOT_FLOAT = "ERR weight value is not a float";
    MIN_MAX_NOT_FLOAT = "ERR min or max is not a float";
    MIN_MAX_NOT_STRING = "ERR min or max not valid string range item";
    LIMIT_WITHOUT_BY = "ERR syntax error, LIMIT is only supported in combination with either \
                        BYSCORE or BYLEX";
    WITHSCORES_BYLEX = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    OUT_OF_TRANSIENT_MEMORY = "ERR Insufficient memory, failed allocating transient memory, too \
                               many args.";
}

compositions! {
    at_least_one_key(command: &str) =
        "ERR at least 1 input key is needed for '", command, "' command";
}
