//! Strings, bitmaps, HyperLogLogs.

use crate::ReplyError;

texts! {
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    OFFSET_OUT_OF_RANGE = "ERR offset is out of range";
    DECREMENT_OVERFLOW = "ERR decrement would overflow";
    LCS_NOT_STRINGS = "ERR The specified keys must contain string values";
    LCS_LEN_AND_IDX = "ERR If you want both the length and indexes, please just use IDX.";
    LCS_TOO_LONG = "ERR String too long for LCS";
    LCS_TRANSIENT_MEMORY = "ERR Insufficient memory, transient memory for LCS exceeds \
                            proto-max-bulk-len";
    LCS_OUT_OF_MEMORY = "ERR Insufficient memory, failed allocating transient memory for LCS";
    BIT_OFFSET = "ERR bit offset is not an integer or out of range";
    BIT_VALUE = "ERR bit is not an integer or out of range";
    BIT_ARGUMENT = "ERR The bit argument must be 1 or 0.";
    BITOP_NOT_SINGLE = "ERR BITOP NOT must be called with a single source key.";
    BITFIELD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
                     supported but i64 is.";
    BITFIELD_OVERFLOW = "ERR Invalid OVERFLOW type specified";
    BITFIELD_RO_GET = "ERR BITFIELD_RO only supports the GET subcommand";
    INCREX_BOUNDS = "ERR LBOUND can't be greater than UBOUND";
    HLL_WRONGTYPE = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    HLL_INVALIDOBJ = "INVALIDOBJ Corrupted HLL object detected";
    HLL_NO_KEY = "ERR The specified key does not exist";
    HLL_NOT_SPARSE = "ERR HLL encoding is not sparse";
}

compositions! {
    bitop_too_few(operation: &str) =
        "ERR BITOP ", operation, " must be called with at least two source keys.";
    hll_test_failed(reason: &str) = "ERR TESTFAILED ", reason;
    pfdebug_unknown(subcommand: &[u8]) = "ERR Unknown PFDEBUG subcommand '", subcommand, "'";
    pfdebug_arity(subcommand: &[u8]) =
        "ERR Wrong number of arguments for the '", subcommand, "' subcommand";
}
