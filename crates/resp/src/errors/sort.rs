//! SORT.

use crate::ReplyError;

texts! {
    BY_IN_CLUSTER = "ERR BY option of SORT denied in Cluster mode.";
    BY_DENIED = "ERR BY option of SORT denied due to insufficient ACL permissions.";
    GET_IN_CLUSTER = "ERR GET option of SORT denied in Cluster mode.";
    GET_DENIED = "ERR GET option of SORT denied due to insufficient ACL permissions.";
    BY_SEVERAL_SLOTS = "ERR BY option of SORT denied in Cluster mode when keys formed by the \
                        pattern may be in different slots.";
    GET_SEVERAL_SLOTS = "ERR GET option of SORT denied in Cluster mode when keys formed by the \
                         pattern may be in different slots.";
    SCORES_NOT_DOUBLES = "ERR One or more scores can't be converted into double";
}
