//! Hashes and their fields' expiries.

use crate::ReplyError;

texts! {
    VALUE_NOT_INTEGER = "ERR hash value is not an integer";
    VALUE_NOT_FLOAT = "ERR hash value is not a float";
    INCREMENT_NAN_OR_INFINITY = "ERR value is NaN or Infinity";
    FIELDS_MISSING = "ERR Mandatory argument FIELDS is missing or not at the right position";
    NUMFIELDS_NOT_POSITIVE = "ERR Number of fields must be a positive integer";
    NUMFIELDS_MISMATCH = "ERR The `numfields` parameter must match the number of arguments";
    NUMFIELDS_ZERO = "ERR Parameter `numFields` should be greater than 0";
    EXPIRE_NEGATIVE = "ERR invalid expire time, must be >= 0";
}
