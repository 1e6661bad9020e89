//! Lists.

use crate::ReplyError;

texts! {
    RANK_ZERO = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second \
                 ... or use negative to start from the end of the list";
    MAXLEN_NEGATIVE = "ERR MAXLEN can't be negative";
}
